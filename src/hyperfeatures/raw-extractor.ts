import type { Manifest } from '../models/manifest.js';
import { resizeBilinear } from './bilinear.js';
import type { DescriptorMap } from './descriptor-map.js';
import type { DescriptorExtractor } from './extractor.js';
import { inputSize } from './preprocess.js';
import type { RawFeature, RawFeatures } from './raw-features.js';

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

/** A map on another grid, bilinear as the published code resizes its features. */
export const onGrid = (
	map: DescriptorMap,
	grid: { readonly height: number; readonly width: number },
): DescriptorMap => ({
	channels: map.channels,
	...grid,
	data: resizeBilinear(map.data, map.channels, map.height, map.width, grid.height, grid.width),
});

/**
 * Raw features as descriptors, without any learned aggregation: one layer (SD-Layer-4 of the paper), or several put
 * behind each other (SD-Concat-All), on the model's own grid. Closing it does not close the features it reads.
 */
export const rawExtractor = (
	features: RawFeatures,
	manifest: Manifest,
	wanted: readonly RawFeature[],
): DescriptorExtractor => ({
	channels: wanted.reduce((sum, { layer }) => sum + (manifest.taps[layer]?.channels ?? 0), 0),
	extract: async (image) => {
		const grid = descriptorGrid(image, manifest);
		const maps = new Map<RawFeature, DescriptorMap>();
		await features.visit(image, wanted, (feature, map) => {
			maps.set(feature, onGrid(map, grid));
		});
		const parts = wanted.flatMap((feature) => maps.get(feature) ?? []);
		const channels = parts.reduce((sum, part) => sum + part.channels, 0);
		const data = new Float32Array(channels * grid.height * grid.width);
		let at = 0;
		for (const part of parts) {
			data.set(part.data, at);
			at += part.data.length;
		}
		return { channels, ...grid, data };
	},
	close: async () => {},
});
