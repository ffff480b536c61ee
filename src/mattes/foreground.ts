import type { Raster } from '../core/frame.js';
import { bytesAt, type Kernels, openKernels, shortsAt } from '../kernels/kernels.js';
import { type Box, LINES, OPAQUE } from './soft-alpha.js';

/** Radii of the two rounds, in pixels of 480 lines: see `kernels/assembly/matte/foreground.ts`. */
const [FAR, NEAR] = [18, 3] as const;
/** Rows that are done at a time, so that memory stays small. */
const ROWS = 256;

let kernels: Kernels | undefined;

/**
 * An image in which pixels that an object covers partly have the object's own colour, without what shines through: the colours
 * that go with straight alpha. Just outside, its colours go on a little, so that filters and subsampled chroma meet no others; everything
 * else stays.
 *
 * @param alpha 0..`OPAQUE` of the image's pixels
 * @param box outside of which nothing is opaque
 */
export const foregroundColours = (image: Raster<3>, alpha: Uint16Array, box: Box): Raster<3> => {
	const scale = Math.min(image.width, image.height) / LINES;
	const [far, near] = [FAR, NEAR].map((radius) => Math.max(1, Math.round(radius * scale))) as [
		number,
		number,
	];
	const data = image.data.slice();
	const end = box.y + box.height;
	kernels ??= openKernels();
	for (let top = box.y; top < end; top += ROWS) {
		const bottom = Math.min(end, top + ROWS);
		// What is that far away has no part in it.
		const first = Math.max(box.y, top - far - near);
		const last = Math.min(end, bottom + far + near);
		if (!hasEdge(alpha, image.width, box, first, last)) {
			continue;
		}
		kernels.openForeground(box.width, last - first);
		const pixels = bytesAt(kernels, kernels.foregroundPixels(), 3 * box.width * (last - first));
		const opacity = shortsAt(kernels, kernels.foregroundAlpha(), box.width * (last - first));
		for (let y = first; y < last; y++) {
			const from = y * image.width + box.x;
			pixels.set(image.data.subarray(3 * from, 3 * (from + box.width)), 3 * (y - first) * box.width);
			opacity.set(alpha.subarray(from, from + box.width), (y - first) * box.width);
		}
		kernels.findForeground(far, near);
		const found = bytesAt(kernels, kernels.foregroundPixels(), 3 * box.width * (last - first));
		for (let y = top; y < bottom; y++) {
			const row = 3 * (y - first) * box.width;
			data.set(found.subarray(row, row + 3 * box.width), 3 * (y * image.width + box.x));
		}
	}
	return { ...image, data };
};

/** Whether there is anything but transparent or opaque pixels in some rows, or both of them. */
const hasEdge = (alpha: Uint16Array, width: number, box: Box, first: number, last: number): boolean => {
	const one = alpha[first * width + box.x]!;
	if (one > 0 && one < OPAQUE) {
		return true;
	}
	for (let y = first; y < last; y++) {
		for (let at = y * width + box.x; at < y * width + box.x + box.width; at++) {
			if (alpha[at] !== one) {
				return true;
			}
		}
	}
	return false;
};
