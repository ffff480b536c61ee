import { GROUP, paddedChannels } from './products-kernel.js';
import type { GridSize } from './tiles.js';

/**
 * How descriptors lie in the matcher's memory: a pyramid. The grid is cut into blocks of 2 x 2 cells and these into squares
 * of 2 x 2 blocks; the four cells of a block lie one after the other, so do the four blocks of a square, and each block and
 * square has the mean of its cells. Rows of squares are padded to groups of four; what the grid does not have is zero.
 */
export type BlockLayout = {
	readonly grid: GridSize;
	readonly channels: number;
	/** Channels with padding. */
	readonly rowLength: number;
	/** In squares; the columns are a multiple of {@link GROUP}. */
	readonly squareRows: number;
	readonly squareColumns: number;
	/** Bytes from a frame's first cell to its first block and to its first square, and of all three levels. */
	readonly blocksAt: number;
	readonly squaresAt: number;
	readonly frameBytes: number;
	/** [squares, 4 blocks, 4 cells] cell numbers; -1 for cells that do not exist. */
	readonly cells: Int32Array;
};

/** 1.0 as a 16-bit integer. A product of two descriptors of length 1 then fits into 32 bits with room to spare. */
export const ONE = 16384;

/** A similarity of 1 as the kernel sees it. */
export const SIMILARITY_ONE = ONE * ONE;

export const planBlocks = (grid: GridSize, channels: number): BlockLayout => {
	const squareRows = Math.ceil(grid.height / 4);
	const squareColumns = Math.ceil(grid.width / 4 / GROUP) * GROUP;
	const cells = new Int32Array(squareRows * squareColumns * 16).fill(-1);
	for (let y = 0; y < grid.height; y++) {
		for (let x = 0; x < grid.width; x++) {
			const block = blockNumber(y >> 1, x >> 1, squareColumns);
			cells[block * 4 + (y & 1) * 2 + (x & 1)] = y * grid.width + x;
		}
	}
	const rowLength = paddedChannels(channels);
	const blocksAt = 2 * rowLength * cells.length;
	const squaresAt = blocksAt + blocksAt / 4;
	const frameBytes = squaresAt + blocksAt / 16;
	return {
		...{ grid, channels, rowLength, squareRows, squareColumns, cells },
		...{ blocksAt, squaresAt, frameBytes },
	};
};

/** Number of the block in a row and a column of blocks. */
export const blockNumber = (row: number, column: number, squareColumns: number): number =>
	((row >> 1) * squareColumns + (column >> 1)) * 4 + (row & 1) * 2 + (column & 1);
