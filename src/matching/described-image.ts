import type { DescriptorExtractor, DescriptorMap } from '../core/descriptor-map.js';
import type { Raster } from '../core/frame.js';

/** An image as matching sees it: its size in pixels as displayed, and its descriptors. */
export type DescribedImage = {
	readonly width: number;
	readonly height: number;
	readonly map: DescriptorMap;
};

/** @param image pixels as displayed */
export const describeImage = async (
	extractor: DescriptorExtractor,
	image: Raster<3>,
): Promise<DescribedImage> => ({
	width: image.width,
	height: image.height,
	map: await extractor.extract(image),
});
