import type { Tensor } from '../runtime/tensor.js';

/** Element types of our tensors, by their number in ONNX's `TensorProto.DataType`. */
export const elementTypeCodes = {
	float32: 1,
	uint8: 2,
	int32: 6,
	int64: 7,
	bool: 9,
	float16: 10,
} as const satisfies Record<Tensor['type'], number>;

export type ElementType = keyof typeof elementTypeCodes;
