import { cornersAt } from '../core/bilinear.js';
import type { DescriptorMap } from '../core/descriptor-map.js';
import type { GridSize } from '../core/size.js';

/** A descriptor map cell by cell, so that one cell's descriptor is read in one piece. */
export type CellDescriptors = {
	readonly grid: GridSize;
	readonly channels: number;
	/** [H * W, C], as aggregated, not normalised. */
	readonly rows: Float32Array;
};

export const cellDescriptors = ({ data, channels, height, width }: DescriptorMap): CellDescriptors => {
	const cells = height * width;
	const rows = new Float32Array(cells * channels);
	for (let channel = 0; channel < channels; channel++) {
		for (let cell = 0; cell < cells; cell++) {
			rows[cell * channels + channel] = data[channel * cells + cell]!;
		}
	}
	return { grid: { height, width }, channels, rows };
};

/** The same descriptors, each of length 1 (zero vectors stay zero). */
export const normalised = (cells: CellDescriptors): CellDescriptors => {
	const { channels } = cells;
	const rows = cells.rows.slice();
	for (let start = 0; start < rows.length; start += channels) {
		normaliseInPlace(rows.subarray(start, start + channels));
	}
	return { ...cells, rows };
};

const normaliseInPlace = (vector: Float32Array): void => {
	let sum = 0;
	for (let i = 0; i < vector.length; i++) {
		sum += vector[i]! ** 2;
	}
	const scale = 1 / Math.max(Math.sqrt(sum), 1e-12);
	for (let i = 0; i < vector.length; i++) {
		vector[i]! *= scale;
	}
};

/**
 * The descriptor at a position between cells, bilinear, then normalised to length 1. Positions outside the centres of
 * the outermost cells take the border's values, as `torch.nn.functional.interpolate` does.
 *
 * @param x in cells, centres at integers
 */
export const descriptorAt = (
	{ grid, channels, rows }: CellDescriptors,
	x: number,
	y: number,
): Float32Array => {
	const result = new Float32Array(channels);
	for (const [cell, share] of cornersAt(x, y, grid)) {
		const start = cell * channels;
		for (let c = 0; c < channels; c++) {
			result[c]! += share * rows[start + c]!;
		}
	}
	normaliseInPlace(result);
	return result;
};

/** Dot product of a descriptor with one cell's. */
export const similarityTo = (
	{ channels, rows }: CellDescriptors,
	cell: number,
	descriptor: Float32Array,
	from = 0,
): number => {
	const start = cell * channels;
	let sum = 0;
	for (let c = 0; c < channels; c++) {
		sum += rows[start + c]! * descriptor[from + c]!;
	}
	return sum;
};
