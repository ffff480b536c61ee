import type { DescriptorMap } from '../hyperfeatures/descriptor-map.js';
import { BestMatches } from './best-matches.js';
import { type BlockLayout, blockNumber, planBlocks } from './block-layout.js';
import { type CandidateRoom, CandidateSearch } from './candidate-search.js';
import { Candidates } from './candidates.js';
import { MatcherMemory, type StoredDescriptors } from './matcher-memory.js';
import type { MemoryMatches } from './memory-matches.js';
import { GROUP } from './products-kernel.js';
import type { SearchedFrame } from './searched-frame.js';
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
	readonly #k: number;
	readonly #memory: MatcherMemory;
	/** Undefined when all blocks in the window are compared. */
	readonly #room: CandidateRoom | undefined;

	constructor(grid: GridSize, channels: number, { k, candidates }: BlockMatcherOptions) {
		this.#layout = planBlocks(grid, channels);
		this.#k = k;
		this.#memory = new MatcherMemory(this.#layout);
		this.#room =
			candidates === undefined
				? undefined
				: {
						squares: new Candidates(2 * candidates, this.#memory),
						blocks: new Candidates(candidates, this.#memory),
						most: candidates,
					};
	}

	/** Puts a descriptor map into the matcher's memory. @throws Error for a map of another shape */
	store(map: DescriptorMap): StoredDescriptors {
		return this.#memory.store(map);
	}

	/** The `k` best matches of every cell of `query` over all `frames`. */
	match(query: StoredDescriptors, frames: readonly SearchedFrame[]): MemoryMatches {
		const best = new BestMatches(this.#layout, this.#k);
		if (this.#room === undefined) {
			this.#searchAll(query, frames, best);
		} else {
			new CandidateSearch(this.#layout, this.#memory, query, frames, this.#room, best).run();
		}
		return best.matches();
	}

	#searchAll(query: StoredDescriptors, frames: readonly SearchedFrame[], best: BestMatches): void {
		const { squareRows, squareColumns, rowLength } = this.#layout;
		const blockRows = 2 * squareRows;
		const blockColumns = 2 * squareColumns;
		const blockBytes = 2 * GROUP * rowLength;
		const most = frames.length * blockRows * blockColumns;
		const { list, products } = this.#memory.reserve(most);
		const owners = new Int32Array(most);
		const keys = new Int32Array(most);
		for (let y = 0; y < blockRows; y++) {
			for (let x = 0; x < blockColumns; x++) {
				const block = blockNumber(y, x, squareColumns);
				let count = 0;
				for (const [owner, { descriptors, radius }] of frames.entries()) {
					const reach = Math.min(Math.ceil(radius / 2), blockRows + blockColumns);
					for (let ky = Math.max(0, y - reach); ky <= Math.min(blockRows - 1, y + reach); ky++) {
						const end = Math.min(blockColumns - 1, x + reach);
						for (let kx = Math.max(0, x - reach); kx <= end; kx++) {
							const key = blockNumber(ky, kx, squareColumns);
							list[count] = descriptors.fine + key * blockBytes;
							owners[count] = owner;
							keys[count++] = key;
						}
					}
				}
				this.#memory.multiply(query.fine + block * blockBytes, count);
				best.choose(block, products, count, owners, keys);
			}
		}
	}
}
