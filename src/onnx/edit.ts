import { encodeInitializer, encodeNode } from './encode.js';
import { FileSource } from './file-source.js';
import { elementTypeCodes, type GraphValue, type InitializerSpec, type NodeSpec } from './graph-spec.js';
import type { OnnxModel, OnnxNode, OnnxValue, Weight } from './model.js';
import { readNode } from './read-node.js';
import { fieldsOf, LENGTH_DELIMITED, sourceOf, textOf } from './wire-reader.js';
import { bytesField, type Chunks, concatenate, intField, lengthOf, textField } from './wire-writer.js';

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

/** The message with the text `to` in the given fields wherever it was `from`; everything else keeps its bytes. */
const replaceText = (
	bytes: Uint8Array,
	fieldNumbers: readonly number[],
	from: string,
	to: string,
): Uint8Array => {
	const source = sourceOf(bytes);
	const chunks: Uint8Array[] = [];
	let written = 0;
	for (const field of fieldsOf(source)) {
		const named = fieldNumbers.includes(field.number) && field.wireType === LENGTH_DELIMITED;
		if (named && textOf(source, field) === from) {
			// The tag is one byte and the length at least one more: search back from the payload for the field's start.
			const head = lengthOf(textField(field.number, from)) - (field.end - field.start);
			chunks.push(bytes.subarray(written, field.start - head), ...textField(field.number, to));
			written = field.end;
		}
	}
	return concatenate([...chunks, bytes.subarray(written)] satisfies Chunks);
};

/** Field numbers of `NodeProto` and `TensorProto`. */
const NODE_INPUT = 1;
const NODE_OUTPUT = 2;
const TENSOR_NAME = 8;

/** Makes every reader of the tensor `from` read `to` instead. */
export const redirectReaders = (nodes: readonly OnnxNode[], from: string, to: string): OnnxNode[] =>
	nodes.map((node) => {
		if (node.captures.includes(from)) {
			throw new Error(`"${from}" is read inside a branch of the graph and can't be redirected.`);
		}
		return node.inputs.includes(from) ? readNode(replaceText(node.bytes, [NODE_INPUT], from, to)) : node;
	});

/**
 * Renames what a graph computes or stores under names that are wanted for inputs and outputs of ours. Names in an
 * export are arbitrary, so any of them may be taken.
 */
export const freeNames = (model: OnnxModel, names: readonly string[]): OnnxModel => {
	const computed = producersOf(model.nodes);
	return names.reduce((current, name) => {
		const stored = current.weights.some((weight) => weight.name === name);
		return computed.has(name) || stored ? renameTensor(current, name, `original/${name}`) : current;
	}, model);
};

const renameTensor = (model: OnnxModel, from: string, to: string): OnnxModel => ({
	...model,
	nodes: redirectReaders(model.nodes, from, to).map((node) =>
		node.outputs.includes(from) ? readNode(replaceText(node.bytes, [NODE_OUTPUT], from, to)) : node,
	),
	weights: model.weights.map((weight) =>
		weight.name !== from
			? weight
			: {
					...weight,
					name: to,
					data:
						weight.data.kind === 'inline'
							? { kind: 'inline', bytes: replaceText(weight.data.bytes, [TENSOR_NAME], from, to) }
							: weight.data,
				},
	),
	outputs: model.outputs.map((output) => (output.name === from ? { ...output, name: to } : output)),
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

/** A small model with its weights inside: encoded, it needs no file beside it. */
export const inlineWeights = (model: OnnxModel): OnnxModel => {
	const sources = new Map<string, FileSource>();
	const inlined = (weight: Weight): Weight => {
		const { name, dims, typeCode, data } = weight;
		if (data.kind === 'inline') {
			return weight;
		}
		const source = sources.get(data.path) ?? new FileSource(data.path);
		sources.set(data.path, source);
		const raw = source.read(data.offset, data.offset + data.length);
		const tensor = [
			...dims.flatMap((size) => intField(1, size)),
			...intField(2, typeCode),
			...textField(8, name),
			...bytesField(9, raw),
		];
		return { ...weight, data: { kind: 'inline', bytes: concatenate(tensor) } };
	};
	try {
		return { ...model, weights: model.weights.map(inlined) };
	} finally {
		for (const source of sources.values()) {
			source.close();
		}
	}
};
