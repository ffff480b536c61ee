import { freeNames, pruneUnused } from '../../onnx/edit.js';
import { type OnnxModel, standardOpset } from '../../onnx/model.js';
import { findInput, requireOnly, withCanonicalInput, withCanonicalOutput } from './canonical-io.js';

/** Turns a VAE decoder export into `latent` [1, channels, side, side] (not scaled) -> `image` [1, 3, H, W] in -1..1. */
export const canonicalDecoder = (
	original: OnnxModel,
	latentSide: number,
	latentChannels: number,
): OnnxModel => {
	const decoder = freeNames(original, ['latent', 'image']);
	const latent = findInput(decoder, 'latent_sample', [4], 'VAE decoder');
	requireOnly(decoder, [latent], standardOpset(decoder), 'VAE decoder');
	const canonical = withCanonicalInput({ ...decoder, outputs: [] }, latent, {
		name: 'latent',
		type: 'float32',
		shape: [1, latentChannels, latentSide, latentSide],
	});
	return pruneUnused(withCanonicalOutput(canonical, decoder.outputs[0]?.name ?? '', 'image'));
};
