import { cellsOfPixels, type Size } from '../../core/size.js';

/**
 * Some of an image's pixels, as runs along its rows: [runs, 2] the number of a run's first pixel, and the one behind its last;
 * ascending. Refinement concerns a small part of an image, and passes over all of it would cost more than the rest.
 */
export type PixelRuns = Int32Array;

/** The pixels whose centres lie in marked cells. @param marked [grid.height * grid.width] 1 for cells that are meant */
export const runsOf = (marked: Uint8Array, grid: Size, { width, height }: Size): PixelRuns => {
	const cellX = cellsOfPixels(width, grid.width);
	const cellY = cellsOfPixels(height, grid.height);
	const runs: number[] = [];
	let columns: readonly number[] = [];
	for (let y = 0; y < height; y++) {
		const row = cellY[y]!;
		if (y === 0 || row !== cellY[y - 1]) {
			columns = columnRuns(marked.subarray(row * grid.width, (row + 1) * grid.width), cellX);
		}
		for (const column of columns) {
			runs.push(y * width + column);
		}
	}
	return Int32Array.from(runs);
};

/** The same along one row: where marked columns begin and end. */
const columnRuns = (marked: Uint8Array, cellX: Int32Array): number[] => {
	const ends: number[] = [];
	let isInside = false;
	for (let x = 0; x < cellX.length; x++) {
		if ((marked[cellX[x]!] === 1) !== isInside) {
			isInside = !isInside;
			ends.push(x);
		}
	}
	return isInside ? [...ends, cellX.length] : ends;
};

/** Every pixel. */
export const allRuns = ({ width, height }: Size): PixelRuns =>
	Int32Array.from({ length: 2 * height }, (_, end) => ((end + 1) >> 1) * width);

/** The numbers of the pixels, ascending. */
export const pixelsOf = (runs: PixelRuns): Int32Array => {
	let count = 0;
	for (let run = 0; run < runs.length; run += 2) {
		count += runs[run + 1]! - runs[run]!;
	}
	const out = new Int32Array(count);
	let at = 0;
	for (let run = 0; run < runs.length; run += 2) {
		for (let pixel = runs[run]!; pixel < runs[run + 1]!; pixel++) {
			out[at++] = pixel;
		}
	}
	return out;
};
