import { elementTypeCodes } from './element-type.js';
import { encodeInitializer, encodeNode } from './encode.js';
import type { GraphValue, InitializerSpec, NodeSpec } from './graph-spec.js';
import type { OnnxModel, OnnxNode, OnnxValue, Weight } from './model.js';
import { readNode } from './read-node.js';
import { fieldsOf, LENGTH_DELIMITED, sourceOf, textOf } from './wire-reader.js';
import { type Chunks, concatenate, lengthOf, textField } from './wire-writer.js';

export const nodeFrom = (spec: NodeSpec): OnnxNode => readNode(concatenate(encodeNode(spec)));

export const weightFrom = (spec: InitializerSpec): Weight => ({
	name: spec.name,
	typeCode: elementTypeCodes[spec.tensor.type],
	dims: spec.tensor.dims,
	data: { kind: 'inline', bytes: concatenate(encodeInitializer(spec)) },
});

export const valueFrom = ({ name, type, shape }: GraphValue): OnnxValue => ({
	name,
	typeCode: elementTypeCodes[type],
	shape,
});

/** The node reading `to` wherever it read `from`; everything else keeps its bytes. */
const redirect = (node: OnnxNode, from: string, to: string): OnnxNode => {
	const source = sourceOf(node.bytes);
	const chunks: Uint8Array[] = [];
	let written = 0;
	for (const field of fieldsOf(source)) {
		if (field.number === 1 && field.wireType === LENGTH_DELIMITED && textOf(source, field) === from) {
			// The tag is one byte and the length at least one more: search back from the payload for the field's start.
			const head = lengthOf(textField(1, from)) - (field.end - field.start);
			chunks.push(node.bytes.subarray(written, field.start - head), ...textField(1, to));
			written = field.end;
		}
	}
	return readNode(concatenate([...chunks, node.bytes.subarray(written)] satisfies Chunks));
};

/** Makes every reader of the tensor `from` read `to` instead. */
export const redirectReaders = (nodes: readonly OnnxNode[], from: string, to: string): OnnxNode[] =>
	nodes.map((node) => {
		if (node.captures.includes(from)) {
			throw new Error(`"${from}" is read inside a branch of the graph and can't be redirected.`);
		}
		return node.inputs.includes(from) ? redirect(node, from, to) : node;
	});

/** The node that computes each tensor. */
export const producersOf = (nodes: readonly OnnxNode[]): Map<string, OnnxNode> =>
	new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));

/** Drops every node, weight and input that the outputs do not depend on. */
export const pruneUnused = (model: OnnxModel): OnnxModel => {
	const producers = producersOf(model.nodes);
	const needed = new Set<string>();
	const pending = model.outputs.map((output) => output.name);
	for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
		if (!needed.has(name)) {
			needed.add(name);
			const node = producers.get(name);
			pending.push(...(node?.inputs ?? []), ...(node?.captures ?? []));
		}
	}
	return {
		...model,
		nodes: model.nodes.filter((node) => node.outputs.some((name) => needed.has(name))),
		weights: model.weights.filter((weight) => needed.has(weight.name)),
		inputs: model.inputs.filter((input) => needed.has(input.name)),
	};
};
