import type { Size } from '../core/size.js';

/** One number a pixel, [height * width]. */
export type Plane = Float32Array;

/** Means over windows of `2 radius + 1` pixels; beyond the edge the outermost pixels go on. */
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

/**
 * How far each pixel's centre is from the border of a mask, in pixels: positive inside, negative outside. Exact
 * (Felzenszwalb & Huttenlocher, "Distance transforms of sampled functions", 2012).
 *
 * @param mask 1 inside, 0 outside
 */
export const distanceToBorder = (mask: Uint8Array, size: Size): Plane => {
	const toInside = squaredDistance(mask, 1, size);
	const toOutside = squaredDistance(mask, 0, size);
	return toInside.map((outside, at) =>
		outside > 0 ? 0.5 - Math.sqrt(outside) : Math.sqrt(toOutside[at]!) - 0.5,
	);
};

/** Farther than any pixel of an image is from another. */
const FAR = 1e5;

const squaredDistance = (mask: Uint8Array, wanted: 0 | 1, { width, height }: Size): Plane => {
	const inColumn = new Float32Array(mask.length);
	for (let x = 0; x < width; x++) {
		let distance = FAR;
		for (let y = 0; y < height; y++) {
			distance = mask[y * width + x] === wanted ? 0 : distance + 1;
			inColumn[y * width + x] = distance;
		}
		for (let y = height - 1; y >= 0; y--) {
			const at = y * width + x;
			distance = mask[at] === wanted ? 0 : distance + 1;
			inColumn[at] = Math.min(distance, inColumn[at]!);
		}
	}
	// Along rows: the lower envelope of a parabola for each column, and where each of them begins to be the lowest.
	const out = new Float32Array(mask.length);
	const lowest = new Int32Array(width);
	const begins = new Float64Array(width + 1);
	for (let y = 0; y < height; y++) {
		const row = y * width;
		const height2 = (x: number): number => inColumn[row + x]! ** 2;
		let last = 0;
		lowest[0] = 0;
		begins[0] = Number.NEGATIVE_INFINITY;
		begins[1] = Number.POSITIVE_INFINITY;
		for (let x = 1; x < width; x++) {
			const crossing = (): number => {
				const other = lowest[last]!;
				return (height2(x) + x * x - height2(other) - other * other) / (2 * (x - other));
			};
			let from = crossing();
			while (from <= begins[last]!) {
				last--;
				from = crossing();
			}
			last++;
			lowest[last] = x;
			begins[last] = from;
			begins[last + 1] = Number.POSITIVE_INFINITY;
		}
		last = 0;
		for (let x = 0; x < width; x++) {
			while (begins[last + 1]! < x) {
				last++;
			}
			const column = lowest[last]!;
			out[row + x] = (x - column) ** 2 + height2(column);
		}
	}
	return out;
};
