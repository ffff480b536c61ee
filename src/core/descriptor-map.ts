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
