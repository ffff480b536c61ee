import type { DescriptorMap } from './descriptor-map.js';
import type { Raster } from './frame.js';

/** Turns images into descriptor maps. The grid's size depends on the image's aspect ratio only. */
export type DescriptorExtractor = {
	/** Channels of a descriptor. */
	readonly channels: number;
	/**
	 * Descriptors of one image.
	 *
	 * @param image sRGB pixels as displayed
	 * @returns the aggregated map, not normalised; the caller's own, so that it may be given away
	 */
	extract(image: Raster<3>): Promise<DescriptorMap>;
	close(): Promise<void>;
};
