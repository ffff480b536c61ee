import type { DescriptorMap } from '../core/descriptor-map.js';
import { throwIfAborted, UserError } from '../core/errors.js';
import type { Raster } from '../core/frame.js';
import { pathInside } from '../core/path-inside.js';
import { loadGraph } from '../models/load-graph.js';
import type { Manifest } from '../models/manifest.js';
import type { InstalledModel } from '../models/model-folder.js';
import { openClipTokenizer } from '../models/prompts/clip-tokenizer.js';
import { embedPrompts } from '../models/prompts/prompt-embedding.js';
import type { Runtime, Session } from '../runtime/session.js';
import { type Float32Tensor, float32 } from '../runtime/tensor.js';
import { clipClean, followTrajectory, guide } from './ddim.js';
import { mapCollector } from './map-collector.js';
import { descriptorGrid } from './preprocess.js';
import { type FeatureRecipe, planFeatures, usesLayers, wholeModel } from './recipe.js';
import { generationCalls, inversionCalls, type ScheduleCall } from './schedule.js';
import { readEmptyPrompt, runStep } from './step-network.js';
import { withTapOutputs } from './tap-outputs.js';

type GenerationRequest = {
	readonly prompt: string;
	/** What the image is to be led away from; the empty prompt as usual. */
	readonly negativePrompt: string;
	/** Scale of classifier-free guidance; 1 is none, and half the work. A model without prompts has none. */
	readonly guidance: number;
	/** [1, channels, height, width] in the model's space, standard normal. */
	readonly noise: Float32Tensor;
	readonly signal?: AbortSignal | undefined;
	readonly onStep?: ((done: number, total: number) => void) | undefined;
};

type GeneratedImage = {
	/** Undefined when a model that works on latents was imported without a decoder. */
	readonly image: Raster<3> | undefined;
	/** The clean sample [1, channels, height, width] in the model's space, before decoding. */
	readonly clean: Float32Tensor;
	/** The hyperfeatures of the image's own generation. */
	readonly map: DescriptorMap;
};

/** Makes images from prompts together with their hyperfeatures. */
type Generator = {
	/** Shape of the noise: [1, channels, height, width]. */
	readonly noiseShape: readonly [1, number, number, number];
	generate(request: GenerationRequest): Promise<GeneratedImage>;
	close(): Promise<void>;
};

/**
 * Opens a model for synthetic images (paper, sections 3.1 and 4.3): DDIM generation with classifier-free guidance;
 * features come from the conditional branch only, and each saved step meets the mixing weights of the inversion step
 * with the same amount of noise (the weights' timestep order flipped).
 *
 * @param steps how many a one-step model takes; see {@link generationManifest}
 * @throws UserError when the model lacks what generation needs
 */
export const openGenerator = async (
	installed: InstalledModel,
	runtime: Runtime,
	recipe: FeatureRecipe = wholeModel,
	steps?: number,
): Promise<Generator> => {
	const model = { ...installed, manifest: generationManifest(installed.manifest, steps) };
	const { folder, manifest } = model;
	const noiseShape = noiseShapeOf(manifest);
	const grid = descriptorGrid({ width: noiseShape[3], height: noiseShape[2] }, manifest);
	const prompts = manifest.conditioning?.prompts;
	const tokenize =
		prompts === undefined ? undefined : await openClipTokenizer(pathInside(folder, prompts.tokenizer));
	const embeddings = new Map<string, Float32Tensor>();
	const emptyPrompt = await readEmptyPrompt(model);
	if (emptyPrompt !== undefined) {
		embeddings.set('', emptyPrompt);
	}
	const embed = async (prompt: string): Promise<Float32Tensor | undefined> => {
		if (manifest.conditioning === undefined && prompt !== '') {
			throw new UserError(`The model "${manifest.name}" knows no prompts; leave the prompt out.`);
		}
		if (manifest.conditioning !== undefined && !embeddings.has(prompt)) {
			if (prompts === undefined || tokenize === undefined) {
				throw new UserError(
					`The model "${manifest.name}" was imported without a text encoder and knows the empty prompt only; import a whole export.`,
				);
			}
			const [embedding] = await embedPrompts(runtime, pathInside(folder, prompts.encoder), tokenize, [
				prompt,
			]);
			if (embedding !== undefined) {
				embeddings.set(prompt, embedding);
			}
		}
		return embeddings.get(prompt);
	};

	// Which maps are wanted is settled as for a real image; which calls are made is not: an image needs them all.
	const source = usesLayers(manifest, recipe) ? await withTapOutputs(model) : model;
	const plan = planFeatures(source.manifest, inversionCalls(manifest.schedule), recipe);
	const calls = generationCalls(manifest.schedule);
	const network = await loadGraph(source, runtime, source.manifest.graph);
	if (!network.outputs.some(({ name }) => name === 'noise_pred')) {
		await network.release();
		throw new UserError(
			`The model "${manifest.name}" is a one-step model, which can't generate images; use one whose aggregation weights are for several steps.`,
		);
	}
	const { space } = manifest;
	const decoder =
		space.kind === 'latent' && space.decoder !== undefined
			? await loadGraph(model, runtime, space.decoder)
			: undefined;
	const scale = space.kind === 'latent' ? space.scale : 1;

	const generate = async (request: GenerationRequest): Promise<GeneratedImage> => {
		const guidance = manifest.conditioning === undefined ? 1 : request.guidance;
		const conditional = await embed(request.prompt);
		const unconditional = guidance === 1 ? undefined : await embed(request.negativePrompt);
		const collector = mapCollector(source.manifest, plan, grid);
		const denoise = async (data: Float32Array, call: ScheduleCall): Promise<Float32Array> => {
			throwIfAborted(request.signal);
			const common = { sample: float32(data, request.noise.dims), t: call.t, noiseWanted: true };
			const run = (embedding: Float32Tensor | undefined, saved: boolean) =>
				runStep(network, manifest.taps.length, {
					...common,
					embedding,
					...(saved ? collector.wanted(call.saveKey) : { layerWeights: undefined }),
				});
			const base = guidance === 1 ? undefined : (await run(unconditional, false)).noise;
			const step = await run(conditional, true);
			collector.add(call.saveKey, step);
			const predicted = step.noise ?? new Float32Array();
			const noise = base === undefined ? predicted : guide(base, predicted, guidance);
			return space.kind === 'pixel' ? clipClean(data, noise, call) : noise;
		};
		let clean = request.noise.data;
		for await (const point of followTrajectory(request.noise.data, calls, denoise)) {
			clean = point.clean;
			request.onStep?.(point.call.index + 1, calls.length);
		}
		const latent = float32(clean, request.noise.dims);
		return {
			clean: latent,
			map: collector.finish(),
			image: space.kind === 'pixel' ? toRaster(latent) : await decode(decoder, latent, scale),
		};
	};

	return {
		noiseShape,
		generate,
		close: async () => {
			await decoder?.release();
			await network.release();
		},
	};
};

const noiseShapeOf = ({ space, image, name }: Manifest): [1, number, number, number] => {
	if (space.kind === 'pixel' && image.resize.mode === 'fit') {
		return [1, 3, image.resize.shortSide, image.resize.shortSide];
	}
	if (image.resize.mode !== 'fixed') {
		throw new UserError(`The model "${name}" has no fixed image size and can't generate images.`);
	}
	const stride = space.kind === 'latent' ? space.stride : 1;
	const channels = space.kind === 'latent' ? space.channels : 3;
	return [1, channels, image.resize.height / stride, image.resize.width / stride];
};

const decode = async (
	decoder: Session | undefined,
	latent: Float32Tensor,
	scale: number,
): Promise<Raster<3> | undefined> => {
	if (decoder === undefined) {
		return undefined;
	}
	const { image } = await decoder.run(
		{
			latent: float32(
				latent.data.map((value) => value / scale),
				latent.dims,
			),
		},
		['image'],
	);
	if (image?.type !== 'float32') {
		throw new Error('The model\'s decoder returned no float32 "image"; import the model again.');
	}
	return toRaster(image);
};

/** 8-bit pixels, as diffusers makes them: -1..1 to 0..255, rounded. */
const toRaster = (image: Float32Tensor): Raster<3> => {
	const [, , height = 0, width = 0] = image.dims;
	const area = height * width;
	const data = new Uint8Array(area * 3);
	for (let i = 0; i < area; i++) {
		for (let channel = 0; channel < 3; channel++) {
			const value = image.data[channel * area + i]! / 2 + 0.5;
			data[i * 3 + channel] = Math.round(Math.min(Math.max(value, 0), 1) * 255);
		}
	}
	return { width, height, channels: 3, data };
};

/**
 * The model with as many steps as its generation takes. No image comes of one step, so a one-step model is given more;
 * its features are then those of the last one, next to the clean image, which its weights were trained on.
 *
 * @param steps undefined for the model's own
 * @throws UserError when a one-step model is given no steps, or another model some
 */
const generationManifest = (manifest: Manifest, steps: number | undefined): Manifest => {
	const { schedule, name } = manifest;
	if (schedule.steps > 1) {
		if (steps !== undefined) {
			throw new UserError(
				`The model "${name}" has weights for ${schedule.steps} steps and generates in as many; leave --steps out.`,
			);
		}
		return manifest;
	}
	if (steps === undefined || steps < 2) {
		throw new UserError(
			`The model "${name}" has weights for one step, in which no image can be made; say how many to take, for example --steps 50.`,
		);
	}
	if (steps > schedule.trainTimesteps) {
		throw new UserError(
			`The model "${name}" knows ${schedule.trainTimesteps} timesteps; give at most so many --steps.`,
		);
	}
	return { ...manifest, schedule: { ...schedule, steps, saveTimesteps: [steps - 1] } };
};
