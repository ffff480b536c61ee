import type { Raster } from '../media/frame.js';
import type { DescriptorMap } from './descriptor-map.js';
import type { DescriptorExtractor } from './extractor.js';

/** Describes each image in memory once, for as long as the image lives: masks and edits look at the same frames. */
export const rememberingExtractor = (extractor: DescriptorExtractor): DescriptorExtractor => {
	const known = new WeakMap<Raster<3>, Promise<DescriptorMap>>();
	return {
		channels: extractor.channels,
		extract: async (image) => {
			const found = known.get(image) ?? extractor.extract(image);
			known.set(image, found);
			const map = await found;
			// Each caller's map is its own.
			return { ...map, data: map.data.slice() };
		},
		close: () => extractor.close(),
	};
};
