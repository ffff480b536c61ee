/**
 * An ONNX model as far as editing needs it: nodes keep their bytes, weights stay in their files.
 */
export type OnnxNode = {
	readonly opType: string;
	readonly domain: string;
	readonly name: string;
	readonly inputs: readonly string[];
	readonly outputs: readonly string[];
	/** Tensors of the enclosing graph that the node's branches and loop bodies read. */
	readonly captures: readonly string[];
	/** The whole `NodeProto`. */
	readonly bytes: Uint8Array;
};

type WeightData =
	/** Small enough to be kept in the graph: the whole `TensorProto`. */
	| { readonly kind: 'inline'; readonly bytes: Uint8Array }
	/** Raw little-endian values in a file: external data, or a stretch of the original `.onnx`. */
	| { readonly kind: 'file'; readonly path: string; readonly offset: number; readonly length: number };

export type Weight = {
	readonly name: string;
	/** Number in ONNX's `TensorProto.DataType`. */
	readonly typeCode: number;
	readonly dims: readonly number[];
	readonly data: WeightData;
};

export type OnnxValue = {
	readonly name: string;
	/** 0 when unknown. */
	readonly typeCode: number;
	/** A string is a symbolic size; undefined when the rank is unknown. */
	readonly shape: readonly (number | string)[] | undefined;
};

export type OnnxModel = {
	readonly irVersion: number;
	readonly opsets: readonly { readonly domain: string; readonly version: number }[];
	/** In topological order, as ONNX requires. */
	readonly nodes: readonly OnnxNode[];
	readonly weights: readonly Weight[];
	readonly inputs: readonly OnnxValue[];
	readonly outputs: readonly OnnxValue[];
	/** `FunctionProto`s, unread. */
	readonly functions: readonly Uint8Array[];
};

/** Version of the standard operator set. */
export const standardOpset = (model: OnnxModel): number =>
	model.opsets.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 1;
