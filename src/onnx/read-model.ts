import { UserError } from '../core/errors.js';
import { ExternalData } from './external-data.js';
import { FileSource } from './file-source.js';
import type { OnnxModel, OnnxNode, OnnxValue, Weight } from './model.js';
import { readNode } from './read-node.js';
import { readWeight } from './read-weight.js';
import { type ByteSource, type Field, fieldsOf, intOf, textOf } from './wire-reader.js';

/** A graph without its weights is a few MB; this bounds what a crafted or unusual file can take. */
const MAX_NODE_BYTES = 64 << 20;
const MAX_NODES_BYTES = 256 << 20;
/** Nodes, weights and the rest of a graph's parts; Stable Diffusion's largest have about ten thousand. */
const MAX_PARTS = 1_000_000;
const MAX_FUNCTIONS = 1000;

const readShape = (source: ByteSource, shape: Field): (number | string)[] =>
	[...fieldsOf(source, shape.start, shape.end)]
		.filter((field) => field.number === 1)
		.map((dimension) => {
			for (const field of fieldsOf(source, dimension.start, dimension.end)) {
				if (field.number === 1) {
					return intOf(source, field);
				}
				if (field.number === 2) {
					return textOf(source, field);
				}
			}
			return '';
		});

const readValue = (source: ByteSource, value: Field): OnnxValue => {
	let name = '';
	let typeCode = 0;
	let shape: (number | string)[] | undefined;
	for (const field of fieldsOf(source, value.start, value.end)) {
		if (field.number === 1) {
			name = textOf(source, field);
		} else if (field.number === 2) {
			const tensorType = [...fieldsOf(source, field.start, field.end)].find((type) => type.number === 1);
			for (const part of tensorType === undefined ? [] : fieldsOf(source, tensorType.start, tensorType.end)) {
				if (part.number === 1) {
					typeCode = intOf(source, part);
				} else if (part.number === 2) {
					shape = readShape(source, part);
				}
			}
		}
	}
	return { name, typeCode, shape };
};

type GraphParts = Pick<OnnxModel, 'nodes' | 'weights' | 'inputs' | 'outputs'>;

const readGraph = (source: ByteSource, graph: Field, path: string): GraphParts => {
	const nodes: OnnxNode[] = [];
	const weights: Weight[] = [];
	const inputs: OnnxValue[] = [];
	const outputs: OnnxValue[] = [];
	const externalData = new ExternalData(path);
	let nodeBytes = 0;
	let inlineBytes = 0;
	let parts = 0;
	for (const field of fieldsOf(source, graph.start, graph.end)) {
		if (++parts > MAX_PARTS || inlineBytes > MAX_NODES_BYTES) {
			throw new UserError(`${path} is not a usable ONNX graph: it has too many parts; export it again.`);
		}
		switch (field.number) {
			case 1: {
				const size = field.end - field.start;
				nodeBytes += size;
				if (size > MAX_NODE_BYTES || nodeBytes > MAX_NODES_BYTES) {
					throw new UserError(
						`${path} keeps large weights inside its nodes (Constant); export it with weights as initializers.`,
					);
				}
				nodes.push(readNode(source.read(field.start, field.end)));
				break;
			}
			case 5: {
				const weight = readWeight(source, field.start, field.end, path, externalData);
				inlineBytes += weight.data.kind === 'inline' ? weight.data.bytes.length : 0;
				weights.push(weight);
				break;
			}
			case 11:
				inputs.push(readValue(source, field));
				break;
			case 12:
				outputs.push(readValue(source, field));
				break;
			case 15:
				throw new UserError(
					`${path} has sparse weights, which are not supported; export it with dense weights.`,
				);
		}
	}
	// Graphs of IR version 3 and before list their weights among the inputs too.
	const weightNames = new Set(weights.map((weight) => weight.name));
	return { nodes, weights, inputs: inputs.filter((input) => !weightNames.has(input.name)), outputs };
};

/**
 * Reads an ONNX file's wiring in bounded memory: weights, inside the file or beside it, are located and not read.
 * `value_info` and documentation are left out; the runtime infers the former again.
 *
 * @throws UserError for files that are not ONNX graphs
 */
export const readModel = (path: string): OnnxModel => {
	const source = new FileSource(path);
	try {
		let irVersion = 0;
		let graph: GraphParts | undefined;
		const opsets: { domain: string; version: number }[] = [];
		const functions: Uint8Array[] = [];
		for (const field of fieldsOf(source)) {
			if (field.number === 1) {
				irVersion = intOf(source, field);
			} else if (field.number === 7) {
				graph = readGraph(source, field, path);
			} else if (field.number === 8) {
				let domain = '';
				let version = 1;
				for (const part of fieldsOf(source, field.start, field.end)) {
					if (part.number === 1) {
						domain = textOf(source, part);
					} else if (part.number === 2) {
						version = intOf(source, part);
					}
				}
				opsets.push({ domain, version });
			} else if (field.number === 25) {
				if (field.end - field.start > MAX_NODE_BYTES || functions.length > MAX_FUNCTIONS) {
					throw new UserError(`${path} has functions of an unusual size; export it again without functions.`);
				}
				functions.push(source.read(field.start, field.end));
			}
		}
		if (graph === undefined || irVersion === 0) {
			throw new UserError(`${path} is not an ONNX model; expected a file written by an ONNX exporter.`);
		}
		return { irVersion, opsets, functions, ...graph };
	} finally {
		source.close();
	}
};
