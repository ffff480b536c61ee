import type { GridSize } from '../core/size.js';
import { type CellDescriptors, similarityTo } from './cell-descriptors.js';

/** How far around the best cell the sub-cell estimate looks, and how sharply it prefers similar cells. */
export type SubCellSettings = {
	/** In cells. */
	readonly radius: number;
	/** Of `exp(similarity / temperature)`. */
	readonly temperature: number;
};

/**
 * @param typicalDifference of neighbouring cells' similarities from 1, see {@link neighbourSimilarity}: the temperature
 *   follows it, because similarities of one model span 0.02 and of another 0.5
 */
export const subCellSettings = (typicalDifference: number): SubCellSettings => ({
	radius: 2,
	temperature: typicalDifference,
});

/** A position on a grid in cells, centres at integers. */
export type GridPosition = { readonly x: number; readonly y: number };

/**
 * Position of a similarity peak between cells: the mean of the cells around the best one, weighted with
 * `exp(similarity / temperature)` (window soft-argmax).
 *
 * @param similarity of a cell, by row and column
 */
export const peakPosition = (
	grid: GridSize,
	best: { readonly row: number; readonly column: number },
	{ radius, temperature }: SubCellSettings,
	similarity: (row: number, column: number) => number,
): GridPosition => {
	const top = similarity(best.row, best.column);
	// The window stays symmetric at the border, or the mean would be pulled inwards.
	const reachX = Math.min(radius, best.column, grid.width - 1 - best.column);
	const reachY = Math.min(radius, best.row, grid.height - 1 - best.row);
	let [total, x, y] = [0, 0, 0];
	for (let dy = -reachY; dy <= reachY; dy++) {
		for (let dx = -reachX; dx <= reachX; dx++) {
			const weight = Math.exp((similarity(best.row + dy, best.column + dx) - top) / temperature);
			total += weight;
			x += weight * dx;
			y += weight * dy;
		}
	}
	return { x: best.column + x / total, y: best.row + y / total };
};

/** As {@link peakPosition}, of a descriptor's similarities to cells. @param descriptor begins at `from` in its array */
export const descriptorPeak = (
	cells: CellDescriptors,
	best: { readonly row: number; readonly column: number },
	settings: SubCellSettings,
	descriptor: Float32Array,
	from = 0,
): GridPosition =>
	peakPosition(cells.grid, best, settings, (row, column) =>
		similarityTo(cells, row * cells.grid.width + column, descriptor, from),
	);

/** What a search through a window of cells has found. */
export type BestCell = {
	readonly row: number;
	readonly column: number;
	readonly similarity: number;
	/** Of all similarities in the window. */
	readonly mean: number;
};

/**
 * The most similar cell in a window; of equals, the first in row-major order.
 *
 * @param centre of the window; a place outside the grid counts as the nearest one in it
 * @param radius in cells
 * @param similarity of a cell; negative infinity where none may be found
 * @returns undefined where no cell of the window may be found
 */
export const bestCellAround = (
	grid: GridSize,
	centre: { readonly row: number; readonly column: number },
	radius: number,
	similarity: (row: number, column: number) => number,
): BestCell | undefined => {
	const [row, column] = [clamped(centre.row, grid.height), clamped(centre.column, grid.width)];
	let best: Omit<BestCell, 'mean'> | undefined;
	let [most, sum, count] = [Number.NEGATIVE_INFINITY, 0, 0];
	for (let y = Math.max(0, row - radius); y <= Math.min(grid.height - 1, row + radius); y++) {
		for (let x = Math.max(0, column - radius); x <= Math.min(grid.width - 1, column + radius); x++) {
			const value = similarity(y, x);
			sum += value;
			count++;
			if (value > most) {
				most = value;
				best = { row: y, column: x, similarity: value };
			}
		}
	}
	return best && { ...best, mean: sum / count };
};

const clamped = (position: number, cells: number): number => Math.min(Math.max(position, 0), cells - 1);
