import type { BlockLayout } from './block-layout.js';
import type { MatcherMemory } from './matcher-memory.js';
import { type SearchedFrame, UNCERTAIN } from './searched-frame.js';

/** What kernels know of a searched frame: the address of its descriptors, its window in squares, the address of its squares' classes. */
export const RECORD_BYTES = 16;
export const REACH = 4;
export const CLASSES = 8;

/** The records of the frames of one search, in a matcher's memory. */
export class FrameTable {
	readonly #layout: BlockLayout;
	readonly #memory: MatcherMemory;
	#capacity = 0;
	#address = 0;

	/** @param memory gives room that it never gets back */
	constructor(layout: BlockLayout, memory: MatcherMemory) {
		this.#layout = layout;
		this.#memory = memory;
	}

	/** Writes the records, and gives the addresses of the first and of the end of the last. */
	write(frames: readonly SearchedFrame[]): { readonly first: number; readonly end: number } {
		const { squareRows, squareColumns } = this.#layout;
		const squares = squareRows * squareColumns;
		if (frames.length > this.#capacity) {
			this.#capacity = frames.length;
			this.#address = this.#memory.allocate(frames.length * (RECORD_BYTES + squares));
		}
		const end = this.#address + frames.length * RECORD_BYTES;
		const records = new Int32Array(this.#memory.buffer, this.#address, frames.length * (RECORD_BYTES / 4));
		const classes = new Uint8Array(this.#memory.buffer, end, frames.length * squares);
		for (const [at, { descriptors, radius, certainSquares }] of frames.entries()) {
			const reach = Math.min(Math.ceil(radius / 4), squareRows + squareColumns);
			records.set([descriptors.fine, reach, end + at * squares], at * (RECORD_BYTES / 4));
			if (certainSquares === undefined) {
				classes.fill(UNCERTAIN, at * squares, (at + 1) * squares);
			} else {
				classes.set(certainSquares, at * squares);
			}
		}
		return { first: this.#address, end };
	}
}
