import type { Tensor } from '../runtime/tensor.js';
import {
	type Attribute,
	elementTypeCodes,
	type GraphSpec,
	type GraphValue,
	type InitializerSpec,
	type NodeSpec,
} from './graph-spec.js';
import { bytesField, type Chunks, floatField, intField, messageField, textField } from './wire-writer.js';

// Field numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).

const bytesOf = (tensor: Tensor): Uint8Array =>
	new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);

/** `TensorProto` with raw data (little-endian, as every platform that Node runs on). */
const encodeTensor = (name: string, tensor: Tensor): Chunks => [
	...tensor.dims.flatMap((size) => intField(1, size)),
	...intField(2, elementTypeCodes[tensor.type]),
	...textField(8, name),
	...bytesField(9, bytesOf(tensor)),
];

export const encodeInitializer = ({ name, tensor }: InitializerSpec): Chunks => encodeTensor(name, tensor);

const encodeAttribute = (name: string, attribute: Attribute): Chunks => {
	const head = textField(1, name);
	const typed = (code: number, value: Chunks): Chunks => [...head, ...value, ...intField(20, code)];
	switch (attribute.kind) {
		case 'float':
			return typed(1, floatField(2, attribute.value));
		case 'int':
			return typed(2, intField(3, attribute.value));
		case 'string':
			return typed(3, textField(4, attribute.value));
		case 'tensor':
			return typed(4, messageField(5, encodeTensor('', attribute.value)));
		case 'graph':
			return typed(5, messageField(6, encodeGraph(attribute.value)));
		case 'floats':
			return typed(
				6,
				attribute.value.flatMap((value) => floatField(7, value)),
			);
		case 'ints':
			return typed(
				7,
				attribute.value.flatMap((value) => intField(8, value)),
			);
	}
};

/** `NodeProto`. */
export const encodeNode = (node: NodeSpec): Chunks => [
	...node.inputs.flatMap((name) => textField(1, name)),
	...node.outputs.flatMap((name) => textField(2, name)),
	...(node.name === undefined ? [] : textField(3, node.name)),
	...textField(4, node.opType),
	...Object.entries(node.attributes ?? {}).flatMap(([name, attribute]) =>
		messageField(5, encodeAttribute(name, attribute)),
	),
	...(node.domain === undefined ? [] : textField(7, node.domain)),
];

/** `ValueInfoProto`. */
const encodeValue = ({ name, type, shape }: GraphValue): Chunks => {
	const dimensions = shape?.flatMap((size) =>
		messageField(1, typeof size === 'string' ? textField(2, size) : intField(1, size)),
	);
	const tensorType = [
		...intField(1, elementTypeCodes[type]),
		...(dimensions === undefined ? [] : messageField(2, dimensions)),
	];
	return [...textField(1, name), ...messageField(2, messageField(1, tensorType))];
};

/** `GraphProto`. */
export const encodeGraph = (graph: GraphSpec): Chunks => [
	...graph.nodes.flatMap((node) => messageField(1, encodeNode(node))),
	...textField(2, graph.name),
	...graph.initializers.flatMap((initializer) => messageField(5, encodeInitializer(initializer))),
	...graph.inputs.flatMap((value) => messageField(11, encodeValue(value))),
	...graph.outputs.flatMap((value) => messageField(12, encodeValue(value))),
];
