/** A dense tensor in row-major order, as the inference runtime takes and returns it. */
export type Tensor =
	| { readonly type: 'float32'; readonly data: Float32Array; readonly dims: readonly number[] }
	| { readonly type: 'float16'; readonly data: Uint16Array; readonly dims: readonly number[] }
	| { readonly type: 'int64'; readonly data: BigInt64Array; readonly dims: readonly number[] }
	| { readonly type: 'int32'; readonly data: Int32Array; readonly dims: readonly number[] }
	| { readonly type: 'int8'; readonly data: Int8Array; readonly dims: readonly number[] }
	| { readonly type: 'uint8'; readonly data: Uint8Array; readonly dims: readonly number[] }
	| { readonly type: 'bool'; readonly data: Uint8Array; readonly dims: readonly number[] };

export type Float32Tensor = Extract<Tensor, { type: 'float32' }>;

/** Wraps float32 values; `dims` must multiply to the length of `data`. */
export const float32 = (data: Float32Array, dims: readonly number[]): Float32Tensor => ({
	type: 'float32',
	data,
	dims,
});
