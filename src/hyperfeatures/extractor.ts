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
	 * @returns the aggregated map, not normalised; the caller's own, so that it may be given away
	 */
	extract(image: Raster<3>): Promise<DescriptorMap>;
	/** The file that an image's map lies in, where it does, so that another thread can read it there itself. */
	fileOf?(image: Raster<3>): Promise<string | undefined>;
	/** Begins to load what describing an image takes, where that is not loaded yet and will be needed. */
	prepare?(image: Raster<3>): Promise<void>;
	close(): Promise<void>;
};
