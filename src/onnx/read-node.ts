import { UserError } from '../core/errors.js';
import type { OnnxNode } from './model.js';
import { type ByteSource, type Field, fieldsOf, intsOf, sourceOf, textOf } from './wire-reader.js';

/** Deeper nesting than any exporter writes; a bound, so that a crafted file can't exhaust the stack. */
const MAX_NESTING = 16;

/** Names that a subgraph reads from outside: used before any node, input or weight of its own defines them. */
const capturesOfGraph = (source: ByteSource, start: number, end: number, depth: number): string[] => {
	if (depth > MAX_NESTING) {
		throw new UserError(
			`The graph nests branches deeper than ${MAX_NESTING}; export it again without control flow.`,
		);
	}
	const defined = new Set<string>();
	const used: string[] = [];
	for (const field of fieldsOf(source, start, end)) {
		if (field.number === 1) {
			const node = readNode(source.read(field.start, field.end), depth + 1);
			used.push(...node.inputs, ...node.captures);
			for (const name of node.outputs) {
				defined.add(name);
			}
		} else if (field.number === 5 || field.number === 11) {
			const nameField = field.number === 5 ? 8 : 1;
			for (const inner of fieldsOf(source, field.start, field.end)) {
				if (inner.number === nameField) {
					defined.add(textOf(source, inner));
				}
			}
		} else if (field.number === 12) {
			for (const inner of fieldsOf(source, field.start, field.end)) {
				if (inner.number === 1) {
					used.push(textOf(source, inner));
				}
			}
		}
	}
	return used.filter((name) => name !== '' && !defined.has(name));
};

const capturesOfAttribute = (source: ByteSource, start: number, end: number, depth: number): string[] =>
	[...fieldsOf(source, start, end)].flatMap((field) =>
		// 6: one graph, 11: several.
		field.number === 6 || field.number === 11 ? capturesOfGraph(source, field.start, field.end, depth) : [],
	);

/** Parses a `NodeProto` as far as the graph's wiring goes. */
export const readNode = (bytes: Uint8Array, depth = 0): OnnxNode => {
	const source = sourceOf(bytes);
	const inputs: string[] = [];
	const outputs: string[] = [];
	const captures: string[] = [];
	let name = '';
	let opType = '';
	let domain = '';
	for (const field of fieldsOf(source)) {
		switch (field.number) {
			case 1:
				inputs.push(textOf(source, field));
				break;
			case 2:
				outputs.push(textOf(source, field));
				break;
			case 3:
				name = textOf(source, field);
				break;
			case 4:
				opType = textOf(source, field);
				break;
			case 5:
				captures.push(...capturesOfAttribute(source, field.start, field.end, depth));
				break;
			case 7:
				domain = textOf(source, field);
				break;
		}
	}
	return { opType, domain, name, inputs, outputs, captures, bytes };
};

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
