import type { OnnxNode } from './model.js';
import { type ByteSource, type Field, fieldsOf, intsOf, sourceOf, textOf } from './wire-reader.js';

/** An attribute's fields; undefined when the node does not have it. */
const attributeOf = (source: ByteSource, attribute: string): Field[] | undefined => {
	for (const field of fieldsOf(source)) {
		if (field.number !== 5) {
			continue;
		}
		const parts = [...fieldsOf(source, field.start, field.end)];
		if (parts.some((part) => part.number === 1 && textOf(source, part) === attribute)) {
			return parts;
		}
	}
	return undefined;
};

/** An `ints` attribute of a node, undefined when the node does not have it. */
export const readNodeInts = (node: OnnxNode, attribute: string): number[] | undefined => {
	const source = sourceOf(node.bytes);
	return attributeOf(source, attribute)
		?.filter((part) => part.number === 8)
		.flatMap((part) => intsOf(source, part));
};

/** The shape of a node's tensor attribute, undefined when the node does not have it. */
export const readNodeTensorDims = (node: OnnxNode, attribute: string): number[] | undefined => {
	const source = sourceOf(node.bytes);
	const tensor = attributeOf(source, attribute)?.find((part) => part.number === 5);
	return tensor === undefined
		? undefined
		: [...fieldsOf(source, tensor.start, tensor.end)]
				.filter((field) => field.number === 1)
				.flatMap((field) => intsOf(source, field));
};
