import { inversionCalls, type ScheduleCall } from '../diffusion/timesteps.js';
import { followTrajectory } from '../diffusion/trajectory.js';
import { loadGraph } from '../models/load-graph.js';
import type { InstalledModel } from '../models/model-folder.js';
import type { Runtime } from '../runtime/session.js';
import { float32 } from '../runtime/tensor.js';
import type { DescriptorExtractor } from './extractor.js';
import { openImageSpace } from './image-space.js';
import { MapCollector } from './map-collector.js';
import type { Precision } from './precision.js';
import { preprocess } from './preprocess.js';
import { type FeatureRecipe, planFeatures, wholeModel } from './recipe.js';
import { readEmptyPrompt, runStep } from './step-network.js';

export type ExtractorOptions = {
	/** Which of the maps to use, and how; all of them, as trained, when omitted. */
	readonly recipe?: FeatureRecipe | undefined;
	/** Whether a CPU may run the model's 8-bit graph. */
	readonly precision?: Precision | undefined;
	/**
	 * Loads the graphs with the first image instead of at once: a run that finds all descriptors in the cache
	 * does without them. What is wrong with the model's files is then thrown by `extract`.
	 */
	readonly whenNeeded?: boolean | undefined;
};

/**
 * Extracts diffusion hyperfeatures of real images (paper, section 3): the image is inverted with DDIM, and at
 * the saved steps the network's decoder features, aggregated in the graph, are added to the one descriptor map.
 * The calls stop after the last saved step. A backbone that is no diffusion model is a process of one call.
 *
 */
export const openDiffusionExtractor = async (
	model: InstalledModel,
	runtime: Runtime,
	{ recipe = wholeModel, precision = 'full', whenNeeded = false }: ExtractorOptions = {},
): Promise<DescriptorExtractor> => {
	const { manifest } = model;
	const plan = planFeatures(manifest, inversionCalls(manifest.schedule), recipe);
	const layers = manifest.taps.length;
	// The 8-bit graph gives the sum of a single call, not the layers.
	const fastGraph =
		precision === 'fast' && plan.calls.length === 1 && plan.concatenated.length === 0
			? manifest.fastGraph
			: undefined;
	const load = async () => ({
		embedding: await readEmptyPrompt(model),
		space: await openImageSpace(model, runtime),
		network: await loadGraph(model, runtime, manifest.graph, fastGraph),
	});
	let loading: ReturnType<typeof load> | undefined;
	const loaded = (): ReturnType<typeof load> => {
		loading ??= load();
		return loading;
	};
	if (!whenNeeded) {
		await loaded();
	}

	return {
		channels:
			plan.concatenated.length === 0
				? manifest.descriptor.channels
				: plan.concatenated.reduce((sum, { layer }) => sum + (manifest.taps[layer]?.channels ?? 0), 0),
		extract: async (image) => {
			const { embedding, space, network } = await loaded();
			const clean = await space.encode(preprocess(image, manifest.image, recipe.loadSide));
			const collector = new MapCollector(manifest, plan);
			const denoise = async (sample: Float32Array, call: ScheduleCall): Promise<Float32Array | undefined> => {
				const step = await runStep(network, layers, {
					sample: float32(sample, clean.dims),
					t: call.t,
					embedding,
					...collector.wanted(call.saveKey),
					noiseWanted: call !== plan.calls.at(-1),
				});
				collector.add(call.saveKey, step);
				return step.noise;
			};
			for await (const _ of followTrajectory(clean.data, plan.calls, denoise)) {
				// Only the features that `denoise` collects are wanted here.
			}
			return collector.finish();
		},
		close: async () => {
			const graphs = await loading?.catch(() => undefined); // Its error has been thrown by `extract`.
			await graphs?.space.close();
			await graphs?.network.release();
		},
	};
};
