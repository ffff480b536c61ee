import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inversionCalls, type ScheduleCall, untilLastSaved } from '../diffusion/timesteps.js';
import { followTrajectory } from '../diffusion/trajectory.js';
import { WeightLinks } from '../models/import/weight-links.js';
import { propagateHome } from '../models/locations.js';
import { type InstalledModel, pathInside } from '../models/model-folder.js';
import { nodeFrom, pruneUnused, valueFrom } from '../onnx/edit.js';
import { elementTypeCodes } from '../onnx/element-type.js';
import { int } from '../onnx/graph-spec.js';
import type { OnnxModel } from '../onnx/model.js';
import { readModel } from '../onnx/read-model.js';
import { encodeModel } from '../onnx/write-model.js';
import type { Runtime } from '../runtime/session.js';
import { float32 } from '../runtime/tensor.js';
import { modelIdentity } from './descriptor-cache.js';
import type { DescriptorMap } from './descriptor-map.js';
import type { DescriptorExtractor } from './extractor.js';
import { openImageSpace } from './image-space.js';
import { preprocess } from './preprocess.js';
import { readEmptyPrompt } from './step-network.js';

/** One raw feature map: a layer's output at a saved step. */
export type RawFeature = {
	/** Saved step counted as in generation; `steps - 1` is the clean image. */
	readonly step: number;
	/** Position among the model's taps. */
	readonly layer: number;
};

/** The decoder's features before any aggregation: the paper's baselines and its figures 7 and 9. */
export type RawFeatures = {
	/**
	 * Follows the inversion of an image and hands over each wanted map, on its layer's own grid. One step's maps are
	 * held at a time, never those of all steps.
	 */
	visit(
		image: Parameters<DescriptorExtractor['extract']>[0],
		wanted: readonly RawFeature[],
		visitor: (feature: RawFeature, map: DescriptorMap) => void | Promise<void>,
	): Promise<void>;
	close(): Promise<void>;
};

const GRAPH = 'raw.onnx';
const outputName = (layer: number): string => `propagate/raw/${layer}`;

/** The model's network with its taps as outputs and the aggregation left out. */
const rawGraph = (model: OnnxModel, taps: InstalledModel['manifest']['taps']): OnnxModel =>
	pruneUnused({
		...model,
		nodes: [
			...model.nodes,
			// Exports in half precision have half-precision taps.
			...taps.map((tap, layer) =>
				nodeFrom({
					opType: 'Cast',
					inputs: [tap.tensor],
					outputs: [outputName(layer)],
					attributes: { to: int(elementTypeCodes.float32) },
				}),
			),
		],
		outputs: [
			...model.outputs.filter(({ name }) => name === 'noise_pred'),
			...taps.map((_, layer) => valueFrom({ name: outputName(layer), type: 'float32' })),
		],
	});

/** Writes the graph once for each model, beside links to its weights; the runtime wants both in one folder. */
const writeRawGraph = async ({ folder, manifest }: InstalledModel): Promise<string> => {
	const place = join(propagateHome(), 'raw', modelIdentity(manifest));
	if (!existsSync(join(place, GRAPH))) {
		const partial = `${place}.partial-${process.pid}`;
		await mkdir(partial, { recursive: true });
		try {
			const graph = rawGraph(readModel(pathInside(folder, manifest.graph)), manifest.taps);
			const links = new WeightLinks(partial);
			await links.add(graph, 'step');
			await writeFile(join(partial, GRAPH), encodeModel(graph, links.locationOf));
			await rm(place, { recursive: true, force: true });
			await rename(partial, place);
		} finally {
			await rm(partial, { recursive: true, force: true });
		}
	}
	return join(place, GRAPH);
};

/** Opens a model for its raw features; the model itself is not changed. */
export const openRawFeatures = async (model: InstalledModel, runtime: Runtime): Promise<RawFeatures> => {
	const { manifest } = model;
	const embedding = await readEmptyPrompt(model);
	const space = await openImageSpace(model, runtime);
	const network = await runtime.load(await writeRawGraph(model));
	const hasPrompt = network.inputs.some(({ name }) => name === 'encoder_hidden_states');

	return {
		visit: async (image, wanted, visitor) => {
			const steps = wanted.map(({ step }) => step);
			const calls = untilLastSaved(inversionCalls(manifest.schedule), steps);
			const clean = await space.encode(preprocess(image, manifest.image));
			const denoise = async (sample: Float32Array, call: ScheduleCall): Promise<Float32Array | undefined> => {
				const now = wanted.filter(({ step }) => step === call.saveKey);
				const noiseWanted = call !== calls.at(-1);
				const results = await network.run(
					{
						sample: float32(sample, clean.dims),
						timestep: float32(Float32Array.of(call.t), [1]),
						...(hasPrompt && embedding !== undefined ? { encoder_hidden_states: embedding } : {}),
					},
					[...(noiseWanted ? ['noise_pred'] : []), ...now.map(({ layer }) => outputName(layer))],
				);
				for (const feature of now) {
					const tensor = results[outputName(feature.layer)];
					const [, channels = 0, height = 0, width = 0] = tensor?.dims ?? [];
					await visitor(feature, { channels, height, width, data: tensor?.data as Float32Array });
				}
				return noiseWanted ? (results.noise_pred?.data as Float32Array) : undefined;
			};
			for await (const _ of followTrajectory(clean.data, calls, denoise)) {
				// Only the features that `denoise` hands over are wanted here.
			}
		},
		close: async () => {
			await space.close();
			await network.release();
		},
	};
};
