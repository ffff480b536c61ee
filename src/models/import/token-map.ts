import { UserError } from '../../core/errors.js';
import { nodeFrom, producersOf, weightFrom } from '../../onnx/edit.js';
import { elementTypeCodes, int, ints, type NodeSpec, string } from '../../onnx/graph-spec.js';
import type { OnnxModel, OnnxNode } from '../../onnx/model.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { BackboneDescription } from './backbone-description.js';

type Find = BackboneDescription['find'][number];

export type FoundLayer = {
	readonly layer: number;
	readonly tensor: string;
	/** Which part of the channels, of how many. */
	readonly part: readonly [number, number] | undefined;
};

/** @throws UserError naming the first layer that the graph does not have */
export const findLayers = (model: OnnxModel, { layers, find, name }: BackboneDescription): FoundLayer[] =>
	layers.map((layer) => {
		for (const way of find) {
			const tensor = tensorOf(model, way, layer);
			if (tensor !== undefined) {
				return { layer, tensor, part: 'part' in way ? way.part : undefined };
			}
		}
		throw new UserError(
			`The graph has no layer ${layer} as "${name}" describes it; give a description of your export's names (see docs/stable-diffusion.md).`,
		);
	});

const tensorOf = (model: OnnxModel, way: Find, layer: number): string | undefined => {
	const filled = (pattern: string): string => pattern.replaceAll('{layer}', String(layer));
	if ('tensor' in way) {
		const tensor = filled(way.tensor);
		return producersOf(model.nodes).has(tensor) ? tensor : undefined;
	}
	const suffix = filled(way.weight);
	const weight = model.weights.find(({ name }) => name === suffix || name.endsWith(`.${suffix}`));
	let node = weight === undefined ? undefined : readerOf(model, weight.name);
	for (const opType of way.via) {
		const output = node?.outputs[0];
		node = output === undefined ? undefined : readerOf(model, output, opType);
	}
	return node?.outputs[0];
};

const readerOf = (model: OnnxModel, tensor: string, opType?: string): OnnxNode | undefined =>
	model.nodes.find(
		(node) => node.inputs.includes(tensor) && (opType === undefined || node.opType === opType),
	);

/** Nodes that are appended to a model, with the constants they read. */
export class GraphAddition {
	readonly #nodes: OnnxNode[] = [];
	readonly #constants = new Map<string, Tensor>();

	node(opType: string, inputs: string[], output: string, attributes: NodeSpec['attributes'] = {}): string {
		this.#nodes.push(nodeFrom({ opType, inputs, outputs: [output], attributes }));
		return output;
	}

	int64s(...values: number[]): string {
		const name = `propagate/int64s_${values.join('_')}`;
		this.#constants.set(name, {
			type: 'int64',
			data: BigInt64Array.from(values, BigInt),
			dims: [values.length],
		});
		return name;
	}

	appendTo(model: OnnxModel): OnnxModel {
		return {
			...model,
			nodes: [...model.nodes, ...this.#nodes],
			weights: [
				...model.weights,
				...[...this.#constants].map(([name, tensor]) => weightFrom({ name, tensor })),
			],
		};
	}
}

/** Tokens [1, prefix + n * n, C] (or the given part of their channels) as a float32 map [1, C, n, n]. */
export const tokensAsMap = (
	graph: GraphAddition,
	{ tensor, part }: FoundLayer,
	output: string,
	tokens: { readonly prefix: number; readonly side: number; readonly channels: number },
): string => {
	const { prefix, side, channels } = tokens;
	const name = `${output}/tokens`;
	let current = graph.node('Cast', [tensor], `${name}/float`, { to: int(elementTypeCodes.float32) });
	const [index] = part ?? [0, 1];
	current = graph.node(
		'Slice',
		[
			current,
			graph.int64s(prefix, index * channels),
			graph.int64s(prefix + side * side, (index + 1) * channels),
			graph.int64s(1, 2),
		],
		`${name}/sliced`,
	);
	current = graph.node('Transpose', [current], `${name}/planes`, { perm: ints([0, 2, 1]) });
	return graph.node('Reshape', [current, graph.int64s(1, channels, side, side)], output);
};

/**
 * Log-binned descriptors of a map [1, C, h, w] (Amir et al. 2021, `_log_bin`): at level k the means over 3^k x 3^k cells
 * at the eight places 3^k cells away, and at level 0 the cell itself; places outside take the border's mean.
 * The bins follow one another level by level, row by row: [1, C * (1 + 8 * levels), h, w].
 */
export const logBinned = (
	graph: GraphAddition,
	map: string,
	output: string,
	{ levels, height, width }: { readonly levels: number; readonly height: number; readonly width: number },
): string => {
	const bins: string[] = [];
	for (let level = 0; level < levels; level++) {
		const reach = 3 ** level;
		const side = (reach - 1) / 2;
		const name = `${output}/level${level}`;
		const means =
			level === 0
				? map
				: graph.node('AveragePool', [map], `${name}/means`, {
						kernel_shape: ints([reach, reach]),
						pads: ints([side, side, side, side]),
						count_include_pad: int(0),
					});
		const padded = graph.node(
			'Pad',
			[means, graph.int64s(0, 0, reach, reach, 0, 0, reach, reach)],
			`${name}/padded`,
			{ mode: string('edge') },
		);
		for (const y of [0, reach, 2 * reach]) {
			for (const x of [0, reach, 2 * reach]) {
				if (level > 0 && y === reach && x === reach) {
					continue;
				}
				const bin = graph.node(
					'Slice',
					[padded, graph.int64s(y, x), graph.int64s(y + height, x + width), graph.int64s(2, 3)],
					`${name}/bin_${y}_${x}`,
				);
				bins.push(bin);
			}
		}
	}
	return graph.node('Concat', bins, output, { axis: int(1) });
};
