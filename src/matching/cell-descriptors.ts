import type { DescriptorMap } from '../core/descriptor-map.js';
import type { GridSize } from '../core/grid-size.js';

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
			rows[cell * channels + channel] = data[channel * cells + cell] as number;
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
		sum += (vector[i] as number) ** 2;
	}
	const scale = 1 / Math.max(Math.sqrt(sum), 1e-12);
	for (let i = 0; i < vector.length; i++) {
		vector[i] = (vector[i] as number) * scale;
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
	const column = Math.min(Math.max(x, 0), grid.width - 1);
	const row = Math.min(Math.max(y, 0), grid.height - 1);
	const [left, top] = [Math.floor(column), Math.floor(row)];
	const [across, down] = [column - left, row - top];
	const right = Math.min(left + 1, grid.width - 1);
	const bottom = Math.min(top + 1, grid.height - 1);
	const result = new Float32Array(channels);
	const add = (cellY: number, cellX: number, weight: number): void => {
		const start = (cellY * grid.width + cellX) * channels;
		for (let c = 0; c < channels; c++) {
			result[c] = (result[c] as number) + weight * (rows[start + c] as number);
		}
	};
	add(top, left, (1 - down) * (1 - across));
	add(top, right, (1 - down) * across);
	add(bottom, left, down * (1 - across));
	add(bottom, right, down * across);
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
		sum += (rows[start + c] as number) * (descriptor[from + c] as number);
	}
	return sum;
};
