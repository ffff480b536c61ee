import { UserError } from '../../core/errors.js';
import { freeNames, pruneUnused, valueFrom } from '../../onnx/edit.js';
import { elementTypeCodes, int, string } from '../../onnx/graph-spec.js';
import { type OnnxModel, standardOpset } from '../../onnx/model.js';
import { readModel } from '../../onnx/read-model.js';
import { openRuntime } from '../../runtime/onnx-runtime.js';
import type { Runtime } from '../../runtime/session.js';
import { float32 } from '../../runtime/tensor.js';
import { type AggregationNetwork, aggregationNetworkFrom } from '../checkpoint/aggregation-network.js';
import { readCheckpoint } from '../checkpoint/read-checkpoint.js';
import type { Manifest } from '../manifest.js';
import { readModelFolder } from '../model-folder.js';
import { type BackboneDescription, backboneSchema } from './backbone-description.js';
import { findInput, requireOnly, withCanonicalInput, withCanonicalOutput } from './canonical-io.js';
import { loadDescription } from './data-file.js';
import type { ImportResult } from './import-model.js';
import { createModel, type NewModel } from './model-writer.js';
import { withAggregation } from './step-graph.js';
import { type FoundLayer, findLayers, GraphAddition, logBinned, tokensAsMap } from './token-map.js';

type BackboneImport = NewModel & {
	/** The network as ONNX: one image in. */
	readonly graph: string;
	/** Name in `presets/backbones`, or a `.json` file like those. */
	readonly backbone: string;
	/** Aggregation weights for the described layers; without them the layers are concatenated. */
	readonly aggregation?: string | undefined;
	readonly grid?: number | undefined;
	readonly license?: string | undefined;
	readonly runtime?: Runtime | undefined;
};

const GRAPH = 'backbone.onnx';

/** A tapped layer as a float32 map. */
type LayerMap = { readonly layer: FoundLayer; readonly channels: number; readonly side: number };

/**
 * Makes a model from any image network that its description tells how to tap: DINO, DINOv2 and the like (paper,
 * tables 1 and 4). What is particular to a network is in the description, none of it in code.
 *
 * @throws UserError when the graph does not fit its description
 */
export const importBackbone = async (options: BackboneImport): Promise<ImportResult> => {
	const progress = options.onProgress ?? (() => {});
	const description = await loadDescription('backbones', options.backbone, backboneSchema);
	const runtime = options.runtime ?? openRuntime({ device: 'cpu' });
	try {
		const { folder, weights } = await createModel(options, async (writer) => {
			const network =
				options.aggregation === undefined
					? undefined
					: aggregationNetworkFrom(await readCheckpoint(options.aggregation));
			const original = freeNames(readModel(options.graph), ['sample', 'mixing_weights', 'hyperfeatures']);
			const canonical = withImageInput(original, description);
			const found = findLayers(original, description);

			// The taps' sizes are only known to the exporter or from a run; a run is right in either case.
			progress('measuring the layers');
			const probe = found.reduce(
				(model, layer, i) => withCanonicalOutput(model, layer.tensor, `tap/${i}`),
				canonical,
			);
			await writer.writeGraph(GRAPH, pruneUnused(probe), 'backbone');
			const layers = await measureLayers(runtime, `${writer.folder}/${GRAPH}`, found, description);

			progress('joining the layers');
			const joined = joinLayers(canonical, layers, description, network, options.grid);
			await writer.writeGraph(GRAPH, joined.model, 'backbone');
			return manifestOf(options, description, layers, network, joined);
		});
		return { model: await readModelFolder(folder), weights };
	} finally {
		if (options.runtime === undefined) {
			await runtime.close();
		}
	}
};

const withImageInput = (model: OnnxModel, { image, name }: BackboneDescription): OnnxModel => {
	const input = findInput(model, 'pixel_values', [4], `backbone "${name}"`);
	requireOnly(model, [input], standardOpset(model), `backbone "${name}"`);
	return withCanonicalInput({ ...model, outputs: [] }, input, {
		name: 'sample',
		type: 'float32',
		shape: [1, 3, image.side, image.side],
	});
};

const measureLayers = async (
	runtime: Runtime,
	path: string,
	found: readonly FoundLayer[],
	{ image, layout, name }: BackboneDescription,
): Promise<LayerMap[]> => {
	const shape = [1, 3, image.side, image.side];
	const session = await runtime.load(path);
	try {
		const results = await session
			.run({ sample: float32(new Float32Array(3 * image.side ** 2), shape) })
			.catch((cause: unknown) => {
				throw new UserError(
					`The backbone "${name}" can't be run on an image of ${image.side} x ${image.side}; export it for that size.`,
					{ cause },
				);
			});
		return found.map((layer, i) => {
			const dims = results[`tap/${i}`]?.dims ?? [];
			if (layout.kind === 'map' && dims.length === 4 && dims[2] === dims[3]) {
				return { layer, channels: dims[1] ?? 0, side: dims[2] ?? 0 };
			}
			const side = Math.sqrt((dims[1] ?? 0) - (layout.kind === 'tokens' ? layout.prefix : 0));
			const channels = (dims[2] ?? 0) / (layer.part?.[1] ?? 1);
			if (
				layout.kind === 'tokens' &&
				dims.length === 3 &&
				Number.isInteger(side) &&
				Number.isInteger(channels)
			) {
				return { layer, channels, side };
			}
			throw new UserError(
				`Layer ${layer.layer} of the backbone "${name}" has the shape [${dims.join(', ')}], which is not ${layout.kind === 'map' ? 'a square map' : `${layout.prefix} tokens and a square of tokens`} as described.`,
			);
		});
	} finally {
		await session.release();
	}
};

type Joined = { readonly model: OnnxModel; readonly channels: number; readonly side: number };

const joinLayers = (
	canonical: OnnxModel,
	layers: readonly LayerMap[],
	{ layout, logBins, name }: BackboneDescription,
	network: AggregationNetwork | undefined,
	grid: number | undefined,
): Joined => {
	const addition = new GraphAddition();
	const outputs = layers.map((_, i) => `tap/${i}`);
	if (layout.kind === 'tokens') {
		for (const [i, { layer, channels, side }] of layers.entries()) {
			tokensAsMap(addition, layer, outputs[i] ?? '', { prefix: layout.prefix, side, channels });
		}
	} else {
		for (const [i, { layer }] of layers.entries()) {
			addition.node('Cast', [layer.tensor], outputs[i] ?? '', { to: int(elementTypeCodes.float32) });
		}
	}
	const largest = Math.max(...layers.map(({ side }) => side));
	const declared = outputs.map((output) => valueFrom({ name: output, type: 'float32' }));
	if (network !== undefined) {
		requireWidths(layers, network, name);
		const side = grid ?? network.outputResolution ?? largest;
		const withTaps = addition.appendTo(canonical);
		const model = withAggregation({ ...withTaps, outputs: declared }, network, outputs, {
			height: side,
			width: side,
		});
		return { model: pruneUnused(model), channels: network.channels, side };
	}
	const side = grid ?? largest;
	const resized = layers.map(({ channels, side: own }, i) =>
		own === side
			? (outputs[i] ?? '')
			: addition.node(
					'Resize',
					[outputs[i] ?? '', '', '', addition.int64s(1, channels, side, side)],
					`propagate/resized${i}`,
					{ mode: string('linear') },
				),
	);
	const binned = resized.map((map, i) =>
		logBins === undefined
			? map
			: logBinned(addition, map, `propagate/binned${i}`, { ...logBins, height: side, width: side }),
	);
	addition.node('Concat', binned, 'hyperfeatures', { axis: int(1) });
	const bins = logBins === undefined ? 1 : 1 + 8 * logBins.levels;
	const model = {
		...addition.appendTo(canonical),
		outputs: [...declared, valueFrom({ name: 'hyperfeatures', type: 'float32' })],
	};
	return {
		model: pruneUnused(model),
		channels: bins * layers.reduce((sum, { channels }) => sum + channels, 0),
		side,
	};
};

const requireWidths = (layers: readonly LayerMap[], network: AggregationNetwork, name: string): void => {
	const has = layers.map(({ channels }) => channels).join(', ');
	const expected = network.layers.map((layer) => layer.inputChannels).join(', ');
	if (has !== expected || network.saveTimesteps.length !== 1) {
		throw new UserError(
			`The aggregation weights do not fit the backbone "${name}": they are for layers of widths ${expected} at ${network.saveTimesteps.length} timesteps, it has ${has} at one.`,
		);
	}
};

const manifestOf = (
	options: BackboneImport,
	description: BackboneDescription,
	layers: readonly LayerMap[],
	network: AggregationNetwork | undefined,
	{ channels, side }: Joined,
): Omit<Manifest, 'files'> => ({
	formatVersion: 1,
	name: options.name,
	kind: 'backbone',
	description: description.description,
	license: options.license ?? description.license,
	graph: GRAPH,
	space: { kind: 'pixel' },
	image: {
		resize: { mode: 'fixed', width: description.image.side, height: description.image.side },
		mean: description.image.mean,
		std: description.image.std,
	},
	// One call, no noise: what there is of a process.
	schedule: {
		trainTimesteps: 1000,
		betaStart: 0.00085,
		betaEnd: 0.012,
		betaSchedule: 'scaled_linear',
		steps: 1,
		saveTimesteps: [0],
	},
	descriptor: { channels, grid: { mode: 'fixed', height: side, width: side } },
	taps: layers.map(({ layer, channels: width }, i) => ({
		name: `layer ${layer.layer}`,
		channels: width,
		tensor: layer.tensor,
		output: `tap/${i}`,
	})),
	mixingWeights: network?.mixingWeights.map((row) => [...row]) ?? [
		Array(layers.length).fill(1 / layers.length),
	],
});
