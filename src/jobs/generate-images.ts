import { extname } from 'node:path';
import { requireFree, writeFileAtomically } from '../core/atomic-file.js';
import { UserError } from '../core/errors.js';
import { readGivenFile } from '../core/given-file.js';
import { gaussianNoise } from '../features/gaussian-noise.js';
import { openGenerator } from '../features/generator.js';
import { requireDistinct } from '../media/distinct-files.js';
import { writeImage } from '../media/image.js';
import { findModel } from '../models/registry.js';
import { openRuntime } from '../runtime/onnx-runtime.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { type Float32Tensor, float32 } from '../runtime/tensor.js';
import { formatNpy, parseNpy } from '../store/npy.js';
import { chosenModel, type ModelChoice } from './open-engine.js';

export type GenerateJob = RuntimeOptions &
	ModelChoice & {
		readonly prompt: string;
		readonly negativePrompt: string;
		/** Scale of classifier-free guidance; 1 is none. */
		readonly guidance: number;
		/** Steps that a one-step model takes; other models have their own. */
		readonly steps?: number | undefined;
		/** Seed of our own noise. */
		readonly seed: number;
		/** `.npy` [N, channels, height, width] instead of a seed; N images are made. */
		readonly noise?: string | undefined;
		/** Image file; with several images they are numbered from 0 before the extension. */
		readonly image?: string | undefined;
		/** `.npy`, float32 [N, C, H, W]: the hyperfeatures of the generation. */
		readonly features?: string | undefined;
		/** `.npy`, float32 [N, channels, height, width]: the clean samples before decoding. */
		readonly latent?: string | undefined;
		readonly overwrite?: boolean | undefined;
		readonly signal?: AbortSignal | undefined;
		readonly onStep?: ((done: number, total: number) => void) | undefined;
	};

/** `cat.png` -> `cat-0.png` where there are several. */
const numbered = (path: string, index: number, count: number): string =>
	count === 1 ? path : `${path.slice(0, path.length - extname(path).length)}-${index}${extname(path)}`;

/**
 * Makes images from a prompt and writes them with the hyperfeatures of their own generation.
 *
 * @returns the files that were written
 * @throws UserError for bad input; nothing has been written then
 */
export const generateImages = async (job: GenerateJob): Promise<string[]> => {
	const chosen = await chosenModel(job);
	const model = await findModel(chosen.model);
	const runtime = openRuntime(job);
	try {
		const generator = await openGenerator(model, runtime, chosen.features, job.steps);
		const noises = await readNoises(job, generator.noiseShape);
		const images = noises.map((_, i) =>
			job.image === undefined ? undefined : numbered(job.image, i, noises.length),
		);
		const outputs = [...images, job.features, job.latent];
		await requireFree(outputs, job.overwrite);
		await requireDistinct(outputs, [job.noise]);
		const features: Float32Array[] = [];
		const latents: Float32Array[] = [];
		const written: string[] = [];
		let mapShape: number[] = [];
		for (const [i, noise] of noises.entries()) {
			const { image, clean, map } = await generator.generate({
				...job,
				noise,
				onStep: (done, total) => job.onStep?.(i * total + done, noises.length * total),
			});
			features.push(map.data);
			latents.push(clean.data);
			mapShape = [map.channels, map.height, map.width];
			const path = images[i];
			if (path !== undefined) {
				if (image === undefined) {
					throw new UserError(
						`The model "${model.manifest.name}" was imported without a VAE decoder, so it makes no pictures; import a whole export, or ask for --features only.`,
					);
				}
				await writeImage(path, image);
				written.push(path);
			}
		}
		if (job.features !== undefined) {
			await writeFileAtomically(job.features, formatNpy(joined(features), [noises.length, ...mapShape]));
			written.push(job.features);
		}
		if (job.latent !== undefined) {
			const shape = [noises.length, ...generator.noiseShape.slice(1)];
			await writeFileAtomically(job.latent, formatNpy(joined(latents), shape));
			written.push(job.latent);
		}
		return written;
	} finally {
		await runtime.close();
	}
};

const joined = (parts: readonly Float32Array[]): Float32Array => {
	const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
	let offset = 0;
	for (const part of parts) {
		whole.set(part, offset);
		offset += part.length;
	}
	return whole;
};

const readNoises = async (job: GenerateJob, shape: readonly number[]): Promise<Float32Tensor[]> => {
	const size = shape.reduce((product, side) => product * side, 1);
	if (job.noise === undefined) {
		return [float32(gaussianNoise(size, job.seed), shape)];
	}
	const bytes = await readGivenFile(job.noise, `The noise "${job.noise}"`);
	const noise = parseNpy(bytes);
	const fits = noise.shape.length === 4 && noise.shape.slice(1).join() === shape.slice(1).join();
	if (!fits) {
		throw new UserError(
			`The noise ${job.noise} has the shape [${noise.shape.join(', ')}]; expected [N, ${shape.slice(1).join(', ')}].`,
		);
	}
	const values = Float32Array.from(noise.data, Number);
	return Array.from({ length: noise.shape[0] ?? 0 }, (_, i) =>
		float32(values.slice(i * size, (i + 1) * size), shape),
	);
};
