import type { Raster } from '../media/frame.js';
import type { DescriptorMap } from './descriptor-map.js';

/** Turns images into descriptor maps. The grid's size depends on the image's aspect ratio only. */
export type DescriptorExtractor = {
	/** Channels of a descriptor. */
	readonly channels: number;
	/**
	 * Descriptors of one image.
	 *
	 * @param image sRGB pixels as displayed
	 * @returns the aggregated map, not normalised
	 */
	extract(image: Raster<3>): Promise<DescriptorMap>;
	/** Where an image's map lies on disk once it has been computed, so that another thread can read it there itself. */
	fileOf?(image: Raster<3>): string | undefined;
	close(): Promise<void>;
};
