/**
 * How descriptors lie in a matcher's memory: a pyramid. The grid is cut into blocks of 2 x 2 cells, and these into superblocks of
 * 2 x 2 blocks. Each block and each superblock has the mean of its cells. Rows of superblocks are padded to groups of four; what the grid
 * does not have is zero.
 *
 * At each level descriptors come in groups of four, which are compared with another four at a time: the cells of a block, the
 * blocks of a superblock, four superblocks of a row. The descriptors of a group are interleaved, a vector of each in turn.
 */
import { allocate, get, set } from '../memory';

export const GROUP: i32 = 4;
/** Channels in a vector: descriptors are 16-bit integers. */
export const VECTOR_CHANNELS: i32 = 8;
export const VECTOR_BYTES: usize = 16;
/** From a descriptor's vector to its next one. */
export const STRIDE: usize = 4 * VECTOR_BYTES;
/** A similarity of 1.0, as the product of two descriptors: each is 16384 long. */
export const LENGTH: f32 = 16384;
/** Less than the product of any two descriptors. */
export const NOTHING: i32 = i32.MIN_VALUE;

/** Channels with padding. */
export let channels: i32 = 0;
export let groupBytes: usize = 0;
/** In cells. */
export let gridHeight: i32 = 0;
export let gridWidth: i32 = 0;
export let superblockRows: i32 = 0;
/** A multiple of {@link GROUP}. */
export let superblockColumns: i32 = 0;
/** Bytes from a frame's first cell to its first block, to its first superblock, and to its end. */
export let blocksAt: usize = 0;
export let superblocksAt: usize = 0;
export let frameBytes: usize = 0;
/** int32 [superblocks, 4 blocks, 4 cells] cell numbers; -1 for cells that do not exist. */
export let cells: usize = 0;
/** Whether there are any of those. */
export let lacksCells: bool = false;

export function plan(height: i32, width: i32, channelCount: i32): void {
	gridHeight = height;
	gridWidth = width;
	channels = (channelCount + VECTOR_CHANNELS - 1) & -VECTOR_CHANNELS;
	groupBytes = 2 * GROUP * channels;
	superblockRows = (height + 3) >> 2;
	superblockColumns = (((width + 3) >> 2) + GROUP - 1) & -GROUP;
	const superblocks = superblockRows * superblockColumns;
	blocksAt = 4 * superblocks * groupBytes;
	superblocksAt = blocksAt + superblocks * groupBytes;
	frameBytes = superblocksAt + (superblocks / GROUP) * groupBytes;
	const all = 16 * superblocks;
	cells = allocate(4 * all);
	memory.fill(cells, 0xff, 4 * all);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			set(cells, GROUP * blockAt(y >> 1, x >> 1) + (y & 1) * 2 + (x & 1), y * width + x);
		}
	}
	lacksCells = all > height * width;
}

/** The number of the block in a row and a column of blocks. */
export function blockAt(row: i32, column: i32): i32 {
	return ((row >> 1) * superblockColumns + (column >> 1)) * GROUP + (row & 1) * 2 + (column & 1);
}

/** The number of a block's cell, negative where there is none. */
export function cellOf(block: i32, member: i32): i32 {
	return get(cells, GROUP * block + member);
}
