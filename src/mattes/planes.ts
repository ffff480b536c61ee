import type { Size } from '../core/size.js';
import { floatsAt, type Kernels, openKernels } from '../kernels/kernels.js';

/** One number a pixel, [height * width]. */
export type Plane = Float32Array;

/**
 * Means over windows of `2 radius + 1` pixels; beyond the edge the outermost pixels go on. In double precision, which the kernel of the same
 * name is not: what is summed here has 16 bits.
 */
export const boxMean = (from: Plane, { width, height }: Size, radius: number): Plane => {
	const taps = 2 * radius + 1;
	const rows = new Float32Array(from.length);
	for (let y = 0; y < height; y++) {
		const row = y * width;
		const [first, last] = [from[row]!, from[row + width - 1]!];
		let sum = first * radius;
		for (let x = 0; x < radius; x++) {
			sum += x < width ? from[row + x]! : last;
		}
		for (let x = 0; x < width; x++) {
			sum += x + radius < width ? from[row + x + radius]! : last;
			rows[row + x] = sum / taps;
			sum -= x >= radius ? from[row + x - radius]! : first;
		}
	}
	const to = new Float32Array(from.length);
	const sums = new Float64Array(width);
	const add = (y: number, sign: number): void => {
		const row = Math.max(0, Math.min(height - 1, y)) * width;
		for (let x = 0; x < width; x++) {
			sums[x]! += sign * rows[row + x]!;
		}
	};
	for (let y = -radius; y < radius; y++) {
		add(y, 1);
	}
	for (let y = 0; y < height; y++) {
		add(y + radius, 1);
		for (let x = 0; x < width; x++) {
			to[y * width + x] = sums[x]! / taps;
		}
		add(y - radius, -1);
	}
	return to;
};

/** Loaded with the first distance; its memory stays for the next ones. */
let kernels: Kernels | undefined;

/**
 * How far each pixel's centre is from the border of a mask, in pixels: positive inside, negative outside. Exact.
 *
 * @param mask 1 inside, 0 outside
 */
export const distanceToBorder = (mask: Uint8Array, { width, height }: Size): Plane => {
	kernels ??= openKernels();
	// The kernel's rows are whole vectors.
	const pitch = Math.ceil(width / 4) * 4;
	const inside = kernels.allocate(4 * pitch * height);
	const distance = kernels.allocate(4 * pitch * height);
	const from = floatsAt(kernels, inside, pitch * height);
	for (let y = 0; y < height; y++) {
		from.set(mask.subarray(y * width, (y + 1) * width), y * pitch);
	}
	kernels.distanceToBorder(inside, distance, width, height);
	const found = floatsAt(kernels, distance, pitch * height);
	const to = new Float32Array(mask.length);
	for (let y = 0; y < height; y++) {
		to.set(found.subarray(y * pitch, y * pitch + width), y * width);
	}
	kernels.free(inside);
	return to;
};
