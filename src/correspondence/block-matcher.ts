import type { DescriptorMap } from '../hyperfeatures/descriptor-map.js';
import { type BlockLayout, planBlocks } from './block-layout.js';
import { CandidateSearch } from './candidate-search.js';
import { ChosenMatches } from './chosen-matches.js';
import { ExactSearch } from './exact-search.js';
import { MatcherMemory, type StoredDescriptors } from './matcher-memory.js';
import type { MemoryMatches } from './memory-matches.js';
import { type SearchedFrame, UNCERTAIN } from './searched-frame.js';
import type { GridSize } from './tiles.js';

export type BlockMatcherOptions = {
	/** Matches per query, over all searched frames together. */
	readonly k: number;
	/**
	 * Blocks that a block is compared with cell by cell: those with the best products of means, out of twice as many
	 * squares of four blocks. `undefined` compares all in the window, which is exact and costs many times as much.
	 */
	readonly candidates: number | undefined;
};

/**
 * Windowed top-k search of one grid among several remembered ones on the CPU, down a pyramid: means of squares of 4 x 4
 * cells first, then the blocks of 2 x 2 cells in the best squares, then the cells of the best blocks. WebAssembly kernels
 * compute the products, of 16-bit descriptors, and pick the candidates. Nothing of the size of a similarity matrix is ever held.
 */
export class BlockMatcher {
	readonly #layout: BlockLayout;
	readonly #memory: MatcherMemory;
	readonly #chosen: ChosenMatches;
	readonly #search: CandidateSearch | ExactSearch;

	constructor(grid: GridSize, channels: number, { k, candidates }: BlockMatcherOptions) {
		this.#layout = planBlocks(grid, channels);
		this.#memory = new MatcherMemory(this.#layout);
		this.#chosen = new ChosenMatches(this.#layout, this.#memory, k);
		this.#search =
			candidates === undefined
				? new ExactSearch(this.#layout, this.#memory, this.#chosen)
				: new CandidateSearch(this.#layout, this.#memory, candidates, this.#chosen);
	}

	/** Puts a descriptor map into the matcher's memory. @throws Error for a map of another shape */
	store(map: DescriptorMap): StoredDescriptors {
		return this.#memory.store(map);
	}

	/** The `k` best matches of every cell of `query` over all `frames`. */
	match(query: StoredDescriptors, frames: readonly SearchedFrame[]): MemoryMatches {
		this.#chosen.clear();
		if (frames.length > 0) {
			this.#search.run(query, frames);
		}
		return this.#chosen.matches();
	}

	/**
	 * Brings what is certain of cells to the squares that are searched.
	 *
	 * @param certain [cells] the class that a cell certainly has, or {@link UNCERTAIN}
	 * @returns for {@link SearchedFrame.certainSquares}
	 */
	certainSquares(certain: Uint8Array): Uint8Array {
		const { cells } = this.#layout;
		const out = new Uint8Array(cells.length / 16);
		for (let square = 0; square < out.length; square++) {
			let common = -1;
			for (let at = 16 * square; at < 16 * (square + 1) && common !== UNCERTAIN; at++) {
				const cell = cells[at] as number;
				if (cell >= 0) {
					const found = certain[cell] as number;
					common = common === -1 || common === found ? found : UNCERTAIN;
				}
			}
			out[square] = common === -1 ? UNCERTAIN : common;
		}
		return out;
	}
}
