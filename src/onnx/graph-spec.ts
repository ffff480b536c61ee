import type { Tensor } from '../runtime/tensor.js';

/** A node's attribute; ONNX tells 1 and 1.0 apart, so the kind is always said. Use the constructors below. */
export type Attribute =
	| { readonly kind: 'int'; readonly value: number }
	| { readonly kind: 'ints'; readonly value: readonly number[] }
	| { readonly kind: 'float'; readonly value: number }
	| { readonly kind: 'floats'; readonly value: readonly number[] }
	| { readonly kind: 'string'; readonly value: string }
	| { readonly kind: 'tensor'; readonly value: Tensor }
	| { readonly kind: 'graph'; readonly value: GraphSpec };

export const int = (value: number): Attribute => ({ kind: 'int', value });
export const ints = (value: readonly number[]): Attribute => ({ kind: 'ints', value });
export const float = (value: number): Attribute => ({ kind: 'float', value });
export const string = (value: string): Attribute => ({ kind: 'string', value });
export const graph = (value: GraphSpec): Attribute => ({ kind: 'graph', value });

export type NodeSpec = {
	readonly opType: string;
	readonly name?: string;
	/** An empty name skips an optional input. */
	readonly inputs: readonly string[];
	readonly outputs: readonly string[];
	readonly attributes?: Readonly<Record<string, Attribute>>;
	/** Operator set; the standard one when omitted, `com.microsoft` for the runtime's own operators. */
	readonly domain?: string;
};

export type InitializerSpec = { readonly name: string; readonly tensor: Tensor };

/** A graph's input or output; strings in the shape are symbolic sizes, no shape means any. */
export type GraphValue = {
	readonly name: string;
	readonly type: ElementType;
	readonly shape?: readonly (number | string)[];
};

export type GraphSpec = {
	readonly name: string;
	readonly inputs: readonly GraphValue[];
	readonly outputs: readonly GraphValue[];
	/** In topological order. */
	readonly nodes: readonly NodeSpec[];
	readonly initializers: readonly InitializerSpec[];
};

/** Element types of our tensors, by their number in ONNX's `TensorProto.DataType`. */
export const elementTypeCodes = {
	float32: 1,
	uint8: 2,
	int8: 3,
	int32: 6,
	int64: 7,
	bool: 9,
	float16: 10,
} as const satisfies Record<Tensor['type'], number>;

type ElementType = keyof typeof elementTypeCodes;
