import type { Raster } from '../core/frame.js';
import { loadGraph } from '../models/load-graph.js';
import type { Manifest } from '../models/manifest.js';
import type { InstalledModel } from '../models/model-folder.js';
import type { Runtime, Session } from '../runtime/session.js';
import { type Float32Tensor, float32 } from '../runtime/tensor.js';
import { followTrajectory } from './ddim.js';
import { preprocess } from './preprocess.js';
import type { ScheduleCall } from './schedule.js';
import { readEmptyPrompt, runStep, type StepRequest, type StepResult } from './step-network.js';
import { withTapOutputs } from './tap-outputs.js';

/** Takes what is wanted of each step as it comes. */
export type StepCollector = {
	/** What the step that is saved as `saveKey` has to give out. */
	wanted(saveKey: number): Pick<StepRequest, 'layerWeights' | 'tapOutputs'>;
	add(saveKey: number, step: StepResult): void;
};

/** A model's network, ready to follow the DDIM inversion of real images (paper, section 3.1). */
export type Inversion = {
	/** The model's; every tap has its output if the layers themselves are given out. */
	readonly manifest: Manifest;
	/**
	 * @param calls the steps to take, in order; nobody reads the noise of the last
	 * @param loadSide see {@link preprocess}
	 */
	follow(
		image: Raster<3>,
		calls: readonly ScheduleCall[],
		collector: StepCollector,
		loadSide?: number,
	): Promise<void>;
	close(): Promise<void>;
};

type InversionOptions = {
	/** Whether the layers themselves are wanted, not their weighted sum; imported models give out both. */
	readonly layers?: boolean | undefined;
	/** Another graph of the model's for CPUs. */
	readonly fastGraph?: string | undefined;
};

export const openInversion = async (
	model: InstalledModel,
	runtime: Runtime,
	{ layers = false, fastGraph }: InversionOptions = {},
): Promise<Inversion> => {
	const source = layers ? await withTapOutputs(model) : model;
	const embedding = await readEmptyPrompt(model);
	const space = await openImageSpace(model, runtime);
	const network = await loadGraph(source, runtime, source.manifest.graph, fastGraph);
	return {
		manifest: source.manifest,
		follow: async (image, calls, collector, loadSide) => {
			const clean = await space.encode(preprocess(image, model.manifest.image, loadSide));
			const denoise = async (sample: Float32Array, call: ScheduleCall): Promise<Float32Array | undefined> => {
				const step = await runStep(network, model.manifest.taps.length, {
					sample: float32(sample, clean.dims),
					t: call.t,
					embedding,
					...collector.wanted(call.saveKey),
					noiseWanted: call !== calls.at(-1),
				});
				collector.add(call.saveKey, step);
				return step.noise;
			};
			for await (const _ of followTrajectory(clean.data, calls, denoise)) {
				// Only what `denoise` hands to the collector is wanted here.
			}
		},
		close: async () => {
			await space.close();
			await network.release();
		},
	};
};

/** The space a diffusion model works in: pixels, or the latents of an autoencoder. */
type ImageSpace = {
	/** [1, 3, H, W] normalised pixels to the model's clean sample. */
	encode(pixels: Float32Tensor): Promise<Float32Tensor>;
	close(): Promise<void>;
};

const pixelSpace: ImageSpace = { encode: async (pixels) => pixels, close: async () => {} };

const latentSpace = (encoder: Session, scale: number): ImageSpace => ({
	encode: async (pixels) => {
		const { latent } = await encoder.run({ sample: pixels }, ['latent']);
		if (latent?.type !== 'float32') {
			throw new Error('The model\'s encoder returned no float32 "latent"; import the model again.');
		}
		return float32(
			latent.data.map((value) => value * scale),
			latent.dims,
		);
	},
	close: () => encoder.release(),
});

const openImageSpace = async (model: InstalledModel, runtime: Runtime): Promise<ImageSpace> => {
	const { space } = model.manifest;
	return space.kind === 'pixel'
		? pixelSpace
		: latentSpace(await loadGraph(model, runtime, space.encoder), space.scale);
};
