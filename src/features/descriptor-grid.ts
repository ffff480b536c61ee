import type { Manifest } from '../models/manifest.js';
import { inputSize } from './preprocess.js';

/** The size of a model's descriptor grid for an image. */
export const descriptorGrid = (
	image: { readonly width: number; readonly height: number },
	{ descriptor: { grid }, image: settings }: Manifest,
): { readonly height: number; readonly width: number } => {
	if (grid.mode === 'fixed') {
		return { height: grid.height, width: grid.width };
	}
	const { width, height } = inputSize(image, settings);
	return { height: Math.round(height / grid.stride), width: Math.round(width / grid.stride) };
};
