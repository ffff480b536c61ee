import { planBlocks } from '../src/correspondence/block-layout.js';
import { GROUP } from '../src/correspondence/products-kernel.js';
import type { GridSize } from '../src/correspondence/tiles.js';

/**
 * Operations (2 for each multiply-add) that the matcher's kernel does for one search of a whole grid, by the geometry of
 * `BlockMatcher`: groups of four squares against those in the window, the blocks of each square against those of the best
 * squares, the cells of each block against those of the best blocks. Choosing the best is not counted.
 *
 * @param candidates as in `BlockMatcherOptions`; null for all
 * @param radii window of each searched frame, in cells
 */
export const matchingFlops = (
	grid: GridSize,
	channels: number,
	candidates: number | null,
	radii: readonly number[],
): number => {
	const { squareRows, squareColumns, rowLength } = planBlocks(grid, channels);
	/** Four rows by four rows. */
	const product = 2 * GROUP * GROUP * rowLength;
	let products = 0;
	if (candidates === null) {
		for (let y = 0; y < 2 * squareRows; y++) {
			for (let x = 0; x < 2 * squareColumns; x++) {
				for (const radius of radii) {
					const reach = Math.ceil(radius / 2);
					products += inside(y, reach, 2 * squareRows) * inside(x, reach, 2 * squareColumns);
				}
			}
		}
		return products * product;
	}
	for (let y = 0; y < squareRows; y++) {
		for (let x = 0; x < squareColumns; x += GROUP) {
			let groups = 0;
			for (const radius of radii) {
				const reach = Math.ceil(radius / 4);
				const width = Math.min(squareColumns, Math.ceil((GROUP + 2 * reach) / GROUP) * GROUP);
				groups += inside(y, reach, squareRows) * (width / GROUP);
			}
			const squares = Math.min(2 * candidates, GROUP * groups);
			const blocks = Math.min(candidates, GROUP * squares);
			products += groups + GROUP * (squares + GROUP * blocks);
		}
	}
	return products * product;
};

/** How many of `length` places are at most `reach` away from `at`. */
const inside = (at: number, reach: number, length: number): number =>
	Math.min(length - 1, at + reach) - Math.max(0, at - reach) + 1;
