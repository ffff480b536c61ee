import { loadGraph } from '../models/load-graph.js';
import type { InstalledModel } from '../models/model-folder.js';
import type { Runtime, Session } from '../runtime/session.js';
import { type Float32Tensor, float32 } from '../runtime/tensor.js';

/** The space a diffusion model works in: pixels, or the latents of an autoencoder. */
export type ImageSpace = {
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

export const openImageSpace = async (model: InstalledModel, runtime: Runtime): Promise<ImageSpace> => {
	const { space } = model.manifest;
	return space.kind === 'pixel'
		? pixelSpace
		: latentSpace(await loadGraph(model, runtime, space.encoder), space.scale);
};
