import { inversionCalls, type ScheduleCall, untilLastSaved } from '../diffusion/timesteps.js';
import { followTrajectory } from '../diffusion/trajectory.js';
import type { Manifest } from '../models/manifest.js';
import { type InstalledModel, pathInside } from '../models/model-folder.js';
import type { Runtime } from '../runtime/session.js';
import { float32 } from '../runtime/tensor.js';
import { DescriptorSum } from './descriptor-sum.js';
import type { DescriptorExtractor } from './extractor.js';
import { openImageSpace } from './image-space.js';
import type { Precision } from './precision.js';
import { preprocess } from './preprocess.js';
import { readEmptyPrompt, runStep } from './step-network.js';

/** The weights of each saved step that contributes: save key -> weight of each layer. */
export const contributingSteps = ({ schedule, mixingWeights }: Manifest): Map<number, readonly number[]> =>
	new Map(
		schedule.saveTimesteps.flatMap((key, row) => {
			const weights = mixingWeights[row] ?? [];
			return weights.some((weight) => weight !== 0) ? [[key, weights] as const] : [];
		}),
	);

/**
 * Extracts diffusion hyperfeatures of real images (paper, section 3): the image is inverted with DDIM, and at
 * the saved steps the network's decoder features, aggregated in the graph, are added to the one descriptor map.
 * The calls stop after the last saved step.
 */
export const openDiffusionExtractor = async (
	model: InstalledModel,
	runtime: Runtime,
	precision: Precision = 'full',
): Promise<DescriptorExtractor> => {
	const { folder, manifest } = model;
	const weightsByKey = contributingSteps(manifest);
	const calls = untilLastSaved(inversionCalls(manifest.schedule), [...weightsByKey.keys()]);
	const layers = manifest.taps.length;
	const embedding = await readEmptyPrompt(model);
	const space = await openImageSpace(model, runtime);
	const graph = pathInside(folder, manifest.graph);
	const network = await runtime.load(
		precision === 'fast' && manifest.fastGraph !== undefined && calls.length === 1
			? { cpu: pathInside(folder, manifest.fastGraph), other: graph }
			: graph,
	);

	return {
		channels: manifest.descriptor.channels,
		extract: async (image) => {
			const clean = await space.encode(preprocess(image, manifest.image));
			const sum = new DescriptorSum();
			const denoise = async (sample: Float32Array, call: ScheduleCall): Promise<Float32Array | undefined> => {
				const { noise, hyperfeatures } = await runStep(network, layers, {
					sample: float32(sample, clean.dims),
					t: call.t,
					embedding,
					layerWeights: weightsByKey.get(call.saveKey),
					noiseWanted: call !== calls.at(-1),
				});
				if (hyperfeatures !== undefined) {
					sum.add(hyperfeatures);
				}
				return noise;
			};
			for await (const _ of followTrajectory(clean.data, calls, denoise)) {
				// Only the features that `denoise` collects are wanted here.
			}
			return sum.toMap();
		},
		close: async () => {
			await space.close();
			await network.release();
		},
	};
};
