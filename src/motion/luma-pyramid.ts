import type { Raster } from '../core/frame.js';

/** Brightness in levels 0..255, a float a pixel. */
export type LumaPlane = { readonly width: number; readonly height: number; readonly data: Float32Array };

/** Level 0 at full size, each further one at half the size of the one before. Pixel centres of level l lie at (x + 0.5) * 2^l - 0.5. */
export type LumaPyramid = readonly LumaPlane[];

/** Halving stops when a side gets smaller than this. */
const SMALLEST_SIDE = 24;

export const lumaPyramid = (image: Raster<3>, levels: number): LumaPyramid => {
	const { width, height } = image;
	const luma = new Float32Array(width * height);
	for (let pixel = 0; pixel < luma.length; pixel++) {
		const [r, g, b] = [image.data[pixel * 3]!, image.data[pixel * 3 + 1]!, image.data[pixel * 3 + 2]!];
		luma[pixel] = 0.299 * r + 0.587 * g + 0.114 * b;
	}
	// Codec noise is highest in the finest details, which say least about motion.
	const pyramid: LumaPlane[] = [smooth({ width, height, data: luma })];
	while (pyramid.length < levels) {
		const last = pyramid.at(-1) as LumaPlane;
		if (Math.min(last.width, last.height) < 2 * SMALLEST_SIDE) {
			break;
		}
		pyramid.push(halve(last));
	}
	return pyramid;
};

/** 3 x 3 binomial filter. */
const smooth = ({ width, height, data }: LumaPlane): LumaPlane => {
	const across = new Float32Array(data.length);
	const out = new Float32Array(data.length);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const row = y * width;
			const left = data[row + Math.max(0, x - 1)]!;
			const right = data[row + Math.min(width - 1, x + 1)]!;
			across[row + x] = (left + 2 * data[row + x]! + right) / 4;
		}
	}
	for (let y = 0; y < height; y++) {
		const above = Math.max(0, y - 1) * width;
		const below = Math.min(height - 1, y + 1) * width;
		for (let x = 0; x < width; x++) {
			out[y * width + x] = (across[above + x]! + 2 * across[y * width + x]! + across[below + x]!) / 4;
		}
	}
	return { width, height, data: out };
};

const halve = ({ width, height, data }: LumaPlane): LumaPlane => {
	const half = { width: width >> 1, height: height >> 1 };
	const out = new Float32Array(half.width * half.height);
	for (let y = 0; y < half.height; y++) {
		for (let x = 0; x < half.width; x++) {
			const at = 2 * y * width + 2 * x;
			out[y * half.width + x] = (data[at]! + data[at + 1]! + data[at + width]! + data[at + width + 1]!) / 4;
		}
	}
	return smooth({ ...half, data: out });
};
