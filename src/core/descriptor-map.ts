import type { Raster } from './frame.js';

/**
 * One descriptor for every cell of a grid over the image, planar: `data[c * height * width + y * width + x]`.
 * Cell (y, x) covers the image area from x / width to (x + 1) / width of its width, likewise in y.
 */
export type DescriptorMap = {
	readonly channels: number;
	readonly height: number;
	readonly width: number;
	/** [C, H, W]; as aggregated, not normalised. */
	readonly data: Float32Array;
};

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
