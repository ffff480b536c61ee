import { encodeGraph } from './encode.js';
import type { GraphSpec } from './graph-spec.js';
import { concatenate, intField, messageField, textField } from './wire-writer.js';

export type ModelSpec = GraphSpec & {
	/** Version of the standard operator set. */
	readonly opset: number;
};

/** Intermediate-representation version: 8 goes with opsets up to 18 and is read by every runtime of the last years. */
const IR_VERSION = 8;
const usesRuntimeOperators = (graph: GraphSpec): boolean =>
	graph.nodes.some((node) => node.domain === 'com.microsoft');

/**
 * Serialises a small graph to an ONNX model, ready for `Runtime.load`.
 *
 * @example
 * buildGraph({
 *   name: 'double', opset: 17,
 *   inputs: [{ name: 'x', type: 'float32', shape: ['n'] }],
 *   outputs: [{ name: 'y', type: 'float32', shape: ['n'] }],
 *   nodes: [{ opType: 'Add', inputs: ['x', 'x'], outputs: ['y'] }],
 *   initializers: [],
 * });
 */
export const buildGraph = (model: ModelSpec): Uint8Array =>
	concatenate([
		...intField(1, IR_VERSION),
		...textField(2, 'propagate'),
		...messageField(7, encodeGraph(model)),
		...messageField(8, [...textField(1, ''), ...intField(2, model.opset)]),
		...(usesRuntimeOperators(model)
			? messageField(8, [...textField(1, 'com.microsoft'), ...intField(2, 1)])
			: []),
	]);
