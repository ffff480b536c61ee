import type { DescriptorMap } from '../hyperfeatures/descriptor-map.js';
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
	return { grid, channels, rowLength: paddedChannels(channels), squareRows, squareColumns, cells };
};

/** Number of the block in a row and a column of blocks. */
export const blockNumber = (row: number, column: number, squareColumns: number): number =>
	((row >> 1) * squareColumns + (column >> 1)) * 4 + (row & 1) * 2 + (column & 1);

/**
 * Normalises every descriptor to length 1 and rounds it to 16 bits. The rounding changes a similarity by less than 0.0005.
 *
 * @param fine [blocks, 4, rowLength], zero where nothing is written
 * @param coarse [blocks, rowLength] the mean of each block's cells, so that a product of two of them is the mean of the
 *   similarities of all pairs of their cells
 * @param squares [squares, rowLength] the mean of each square's blocks
 */
export const writeBlocks = (
	map: DescriptorMap,
	layout: BlockLayout,
	fine: Int16Array,
	coarse: Int16Array,
	squares: Int16Array,
): void => {
	const { data, channels } = map;
	const { cells, rowLength } = layout;
	const area = map.height * map.width;
	const scales = new Float32Array(area);
	for (let c = 0; c < channels; c++) {
		const plane = c * area;
		for (let cell = 0; cell < area; cell++) {
			const value = data[plane + cell] as number;
			scales[cell] = (scales[cell] as number) + value * value;
		}
	}
	for (let cell = 0; cell < area; cell++) {
		scales[cell] = ONE / Math.max(1e-12, Math.sqrt(scales[cell] as number));
	}
	const rowOf = new Int32Array(area);
	for (let at = 0; at < cells.length; at++) {
		const cell = cells[at] as number;
		if (cell >= 0) {
			rowOf[cell] = at * rowLength;
		}
	}
	// One row of cells at a time: what a whole plane's cells are written to would not fit the cache.
	for (let first = 0; first < area; first += map.width) {
		for (let c = 0; c < channels; c++) {
			const plane = c * area;
			for (let cell = first; cell < first + map.width; cell++) {
				const value = (data[plane + cell] as number) * (scales[cell] as number);
				// Storing cuts the fraction off, so this rounds.
				fine[(rowOf[cell] as number) + c] = value + (value < 0 ? -0.5 : 0.5);
			}
		}
	}
	for (let block = 0; block < cells.length / 4; block++) {
		meanOfFour(fine, block, coarse, rowLength);
	}
	for (let square = 0; square < cells.length / 16; square++) {
		meanOfFour(coarse, square, squares, rowLength);
	}
};

/** Row `target` of `means` from the four rows of `rows` that belong to it. */
const meanOfFour = (rows: Int16Array, target: number, means: Int16Array, rowLength: number): void => {
	const first = target * 4 * rowLength;
	for (let c = 0; c < rowLength; c++) {
		const at = first + c;
		means[target * rowLength + c] =
			((rows[at] as number) +
				(rows[at + rowLength] as number) +
				(rows[at + 2 * rowLength] as number) +
				(rows[at + 3 * rowLength] as number)) >>
			2;
	}
};
