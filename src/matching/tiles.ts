import type { GridSize } from '../core/size.js';

/**
 * Query cells in square tiles, each with the window of key cells that all its queries look at.
 * Windows near the border are shifted inwards, not padded, so every tile has the same number of keys
 * and no query can match a cell that does not exist.
 */
export type TilePlan = {
	readonly tiles: number;
	readonly queriesPerTile: number;
	readonly keysPerTile: number;
	/** [tiles, queriesPerTile] cell numbers (row-major); edge tiles overlap their neighbours. */
	readonly queries: Int32Array;
	/** [tiles, keysPerTile] cell numbers. */
	readonly keys: Int32Array;
};

/** Larger tiles waste multiplications on keys outside a query's radius; smaller ones copy the keys more often. */
const TILE_SIDE = 16;

/**
 * @param radius each query sees at least the keys within this many cells (Chebyshev distance);
 *   `Infinity` for all keys
 */
export const planTiles = (grid: GridSize, radius: number): TilePlan => {
	const tileHeight = Math.min(TILE_SIDE, grid.height);
	const tileWidth = Math.min(TILE_SIDE, grid.width);
	const windowHeight = Math.min(grid.height, tileHeight + 2 * radius);
	const windowWidth = Math.min(grid.width, tileWidth + 2 * radius);
	const queries: number[] = [];
	const keys: number[] = [];
	for (let y = 0; y < grid.height; y += tileHeight) {
		for (let x = 0; x < grid.width; x += tileWidth) {
			const top = Math.min(y, grid.height - tileHeight);
			const left = Math.min(x, grid.width - tileWidth);
			pushCells(queries, grid, top, left, tileHeight, tileWidth);
			const windowTop = clamp(top - radius, 0, grid.height - windowHeight);
			const windowLeft = clamp(left - radius, 0, grid.width - windowWidth);
			pushCells(keys, grid, windowTop, windowLeft, windowHeight, windowWidth);
		}
	}
	const queriesPerTile = tileHeight * tileWidth;
	return {
		tiles: queries.length / queriesPerTile,
		queriesPerTile,
		keysPerTile: windowHeight * windowWidth,
		queries: Int32Array.from(queries),
		keys: Int32Array.from(keys),
	};
};

const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));

const pushCells = (
	cells: number[],
	grid: GridSize,
	top: number,
	left: number,
	height: number,
	width: number,
): void => {
	for (let y = top; y < top + height; y++) {
		for (let x = left; x < left + width; x++) {
			cells.push(y * grid.width + x);
		}
	}
};
