import type { GridSize } from '../core/size.js';

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
