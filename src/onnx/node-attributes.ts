import type { OnnxNode } from './model.js';
import { fieldsOf, intsOf, sourceOf, textOf } from './wire-reader.js';

/** An `ints` attribute of a node, undefined when the node does not have it. */
export const readNodeInts = (node: OnnxNode, attribute: string): number[] | undefined => {
	const source = sourceOf(node.bytes);
	for (const field of fieldsOf(source)) {
		if (field.number !== 5) {
			continue;
		}
		let name = '';
		const values: number[] = [];
		for (const part of fieldsOf(source, field.start, field.end)) {
			if (part.number === 1) {
				name = textOf(source, part);
			} else if (part.number === 8) {
				values.push(...intsOf(source, part));
			}
		}
		if (name === attribute) {
			return values;
		}
	}
	return undefined;
};
