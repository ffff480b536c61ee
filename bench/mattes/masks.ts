import type { Size } from '../../src/core/size.js';
import { boxMean } from '../../src/mattes/planes.js';
import { noise } from './layer.js';

/** Blurred by what is nearly a Gaussian. @param radius of three box filters, in pixels */
export const blurredMask = (mask: Uint8Array, size: Size, radius: number): Float32Array => {
	let values: Float32Array = Float32Array.from(mask);
	for (let pass = 0; pass < 3; pass++) {
		values = boxMean(values, size, Math.max(1, Math.round(radius)));
	}
	return values;
};

/** By how many pixels of 480 lines the border of a wandering mask is off at most, and how long its waves are. */
const [OFF, WAVE] = [7, 30] as const;

/** The true mask, its border some pixels off, at each time elsewhere. */
export const wanderingMask = (alpha: Float32Array, size: Size, time: number): Uint8Array => {
	const unit = size.height / 480;
	return Uint8Array.from(alpha, (_, at) => {
		const [x, y] = [at % size.width, Math.floor(at / size.width)];
		const off = (seed: number): number =>
			Math.round(2 * OFF * unit * (noise(x / WAVE / unit, y / WAVE / unit, 50 * time + seed, 2) - 0.5));
		const px = Math.max(0, Math.min(size.width - 1, x + off(1)));
		const py = Math.max(0, Math.min(size.height - 1, y + off(9)));
		return alpha[py * size.width + px]! >= 0.5 ? 1 : 0;
	});
};

const GRID = { width: 224, height: 128 };

/** The mask that a tracker at its best would find: at the resolution of its grid. */
export const trackedMask = (alpha: Float32Array, size: Size): Uint8Array => {
	const [sums, counts] = [
		new Float32Array(GRID.width * GRID.height),
		new Float32Array(GRID.width * GRID.height),
	];
	for (let at = 0; at < alpha.length; at++) {
		const x = Math.floor(((at % size.width) * GRID.width) / size.width);
		const y = Math.floor((Math.floor(at / size.width) * GRID.height) / size.height);
		const cell = y * GRID.width + x;
		sums[cell]! += alpha[at]!;
		counts[cell]! += 1;
	}
	const means = boxMean(
		sums.map((sum, cell) => sum / counts[cell]!),
		GRID,
		1,
	);
	const place = (at: number, cells: number, pixels: number): number =>
		Math.max(0, Math.min(cells - 1.001, ((at + 0.5) * cells) / pixels - 0.5));
	return Uint8Array.from(alpha, (_, at) => {
		const u = place(at % size.width, GRID.width, size.width);
		const v = place(Math.floor(at / size.width), GRID.height, size.height);
		const [x, y] = [Math.floor(u), Math.floor(v)];
		const [fx, fy] = [u - x, v - y];
		const of = (dx: number, dy: number): number => means[(y + dy) * GRID.width + x + dx]!;
		const top = of(0, 0) * (1 - fx) + of(1, 0) * fx;
		const bottom = of(0, 1) * (1 - fx) + of(1, 1) * fx;
		return top * (1 - fy) + bottom * fy >= 0.5 ? 1 : 0;
	});
};
