import type { DescriptorMap } from '../hyperfeatures/descriptor-map.js';
import { type BlockLayout, blockNumber, planBlocks, SIMILARITY_ONE, writeBlocks } from './block-layout.js';
import type { MemoryMatches } from './memory-matches.js';
import { compileProductsKernel, GROUP, type ProductsKernel } from './products-kernel.js';
import type { GridSize } from './tiles.js';

/** A frame's descriptors in the matcher's memory. */
export type StoredDescriptors = {
	/** Byte address of the cells' rows [blocks, 4, rowLength]. */
	readonly fine: number;
	/** Byte address of the blocks' rows [blocks, rowLength]. */
	readonly coarse: number;
	/** Byte address of the squares' rows [squares, rowLength]. */
	readonly squares: number;
	free(): void;
};

/** A frame to be searched, and how far around a cell. */
export type SearchedFrame = {
	readonly descriptors: StoredDescriptors;
	/** In cells (Chebyshev distance); each query sees at least these keys. `Infinity` for all. */
	readonly radius: number;
};

export type BlockMatcherOptions = {
	/** Matches per query, over all searched frames together. */
	readonly k: number;
	/**
	 * Blocks that a block is compared with cell by cell: those with the best products of means, out of twice as many
	 * squares of four blocks. `undefined` compares all in the window, which is exact and costs many times as much.
	 */
	readonly candidates: number | undefined;
};

const PAGE = 65536;
const NOTHING = -0x80000000;

/**
 * Windowed top-k search of one grid among several remembered ones on the CPU, down a pyramid: means of squares of 4 x 4
 * cells first, then the blocks of 2 x 2 cells in the best squares, then the cells of the best blocks. The products are computed by a WebAssembly kernel on 16-bit descriptors; only the selection is
 * left to JavaScript, which looks at a product once. Nothing of the size of a similarity matrix is ever held.
 */
export class BlockMatcher {
	readonly #layout: BlockLayout;
	readonly #options: BlockMatcherOptions;
	readonly #memory = new WebAssembly.Memory({ initial: 1 });
	readonly #kernel: ProductsKernel;
	readonly #freeSlots: number[] = [];
	/** First byte behind everything allocated. */
	#top = 0;
	/** Addresses of the kernel's list of key groups and of its products. */
	#list = 0;
	#products = 0;
	#listCapacity = 0;

	constructor(grid: GridSize, channels: number, options: BlockMatcherOptions) {
		this.#layout = planBlocks(grid, channels);
		this.#options = options;
		this.#kernel = compileProductsKernel(this.#layout.rowLength, this.#memory);
	}

	/** Puts a descriptor map into the matcher's memory. */
	store(map: DescriptorMap): StoredDescriptors {
		const { rowLength, cells, grid, channels } = this.#layout;
		if (map.height !== grid.height || map.width !== grid.width || map.channels !== channels) {
			throw new Error(
				`A map of ${map.channels} x ${map.height} x ${map.width} does not fit a matcher for ${channels} x ${grid.height} x ${grid.width}.`,
			);
		}
		const fineLength = cells.length * rowLength;
		const coarseLength = fineLength / 4;
		const squaresLength = fineLength / 16;
		const slot = this.#freeSlots.pop() ?? this.#allocate(2 * (fineLength + coarseLength + squaresLength));
		const { buffer } = this.#memory;
		const coarse = slot + 2 * fineLength;
		const squares = coarse + 2 * coarseLength;
		writeBlocks(
			map,
			this.#layout,
			new Int16Array(buffer, slot, fineLength),
			new Int16Array(buffer, coarse, coarseLength),
			new Int16Array(buffer, squares, squaresLength),
		);
		return { fine: slot, coarse, squares, free: () => this.#freeSlots.push(slot) };
	}

	/** The `k` best matches of every cell of `query` over all `frames`. */
	match(query: StoredDescriptors, frames: readonly SearchedFrame[]): MemoryMatches {
		const best = new BestMatches(this.#layout, this.#options.k);
		const { candidates } = this.#options;
		if (candidates === undefined) {
			this.#searchAll(query, frames, best);
		} else {
			this.#searchCandidates(query, frames, candidates, best);
		}
		return best.matches();
	}

	#searchAll(query: StoredDescriptors, frames: readonly SearchedFrame[], best: BestMatches): void {
		const { squareRows, squareColumns, rowLength } = this.#layout;
		const blockRows = 2 * squareRows;
		const blockColumns = 2 * squareColumns;
		const blockBytes = 8 * rowLength;
		this.#reserve(blockRows * blockColumns);
		const { list, products } = this.#views();
		const targets = new Int32Array(blockRows * blockColumns);
		for (let y = 0; y < blockRows; y++) {
			for (let x = 0; x < blockColumns; x++) {
				const block = blockNumber(y, x, squareColumns);
				for (const [owner, { descriptors, radius }] of frames.entries()) {
					const reach = Math.min(Math.ceil(radius / 2), blockRows + blockColumns);
					let count = 0;
					for (let ky = Math.max(0, y - reach); ky <= Math.min(blockRows - 1, y + reach); ky++) {
						const end = Math.min(blockColumns - 1, x + reach);
						for (let kx = Math.max(0, x - reach); kx <= end; kx++) {
							const key = blockNumber(ky, kx, squareColumns);
							list[count] = descriptors.fine + key * blockBytes;
							targets[count++] = key;
						}
					}
					this.#multiply(query.fine + block * blockBytes, count);
					for (let i = 0; i < count; i++) {
						best.offer(block, owner, targets[i] as number, products, i * GROUP * GROUP);
					}
				}
			}
		}
	}

	#searchCandidates(
		query: StoredDescriptors,
		frames: readonly SearchedFrame[],
		candidates: number,
		best: BestMatches,
	): void {
		const { squareRows, squareColumns, rowLength } = this.#layout;
		const rowBytes = 2 * rowLength;
		const groups = (frames.length * squareRows * squareColumns) / GROUP;
		this.#reserve(groups + 2 * candidates);
		const { list, products } = this.#views();
		// Of each group of squares in the list: the frame, and the number of its first square.
		const owners = new Int32Array(groups);
		const firsts = new Int32Array(groups);
		const squares = new Candidates(2 * candidates);
		const blocks = new Candidates(candidates);
		for (let y = 0; y < squareRows; y++) {
			for (let x = 0; x < squareColumns; x += GROUP) {
				const count = this.#listSquares(y, x, frames, list, owners, firsts);
				const first = y * squareColumns + x;
				this.#multiply(query.squares + first * rowBytes, count);
				squares.pick(products, count);
				for (let member = 0; member < GROUP; member++) {
					const square = first + member;
					const near = squares.of(member);
					const numberOf = (position: number): number => (firsts[position >> 2] as number) + (position & 3);
					const ownerOf = (position: number): number => owners[position >> 2] as number;
					for (let i = 0; i < near.length; i++) {
						const at = near[i] as number;
						const { descriptors } = frames[ownerOf(at)] as SearchedFrame;
						list[i] = descriptors.coarse + numberOf(at) * GROUP * rowBytes;
					}
					this.#multiply(query.coarse + square * GROUP * rowBytes, near.length);
					blocks.pick(products, near.length);
					for (let part = 0; part < GROUP; part++) {
						const block = square * GROUP + part;
						const nearest = blocks.of(part);
						for (let i = 0; i < nearest.length; i++) {
							const at = nearest[i] as number;
							const parent = near[at >> 2] as number;
							const { descriptors } = frames[ownerOf(parent)] as SearchedFrame;
							const key = numberOf(parent) * GROUP + (at & 3);
							list[i] = descriptors.fine + key * GROUP * rowBytes;
						}
						this.#multiply(query.fine + block * GROUP * rowBytes, nearest.length);
						for (let i = 0; i < nearest.length; i++) {
							const at = nearest[i] as number;
							const parent = near[at >> 2] as number;
							const key = numberOf(parent) * GROUP + (at & 3);
							best.offer(block, ownerOf(parent), key, products, i * GROUP * GROUP);
						}
					}
				}
			}
		}
	}

	/** Lists the groups of squares in the window of a group of squares; returns how many. */
	#listSquares(
		y: number,
		x: number,
		frames: readonly SearchedFrame[],
		list: Int32Array,
		owners: Int32Array,
		firsts: Int32Array,
	): number {
		const { squareRows, squareColumns, rowLength } = this.#layout;
		let count = 0;
		// Near rows of near frames first: they hold most of the best squares, and what comes late is soon refused.
		for (let owner = frames.length - 1; owner >= 0; owner--) {
			const { descriptors, radius } = frames[owner] as SearchedFrame;
			const reach = Math.min(Math.ceil(radius / 4), squareRows + squareColumns);
			const width = Math.min(squareColumns, Math.ceil((GROUP + 2 * reach) / GROUP) * GROUP);
			const left = Math.min(Math.max(0, x - reach), squareColumns - width);
			for (let step = 0; step <= 2 * reach; step++) {
				const ky = y + (step % 2 === 0 ? step / 2 : -(step + 1) / 2);
				if (ky < 0 || ky >= squareRows) {
					continue;
				}
				for (let kx = left; kx < left + width; kx += GROUP) {
					const key = ky * squareColumns + kx;
					list[count] = descriptors.squares + key * 2 * rowLength;
					owners[count] = owner;
					firsts[count++] = key;
				}
			}
		}
		return count;
	}

	/** Products of four query rows with the listed groups of key rows. */
	#multiply(queries: number, groups: number): void {
		this.#kernel(queries, this.#list, this.#list + 4 * groups, this.#products);
	}

	#allocate(bytes: number): number {
		const address = this.#top;
		this.#top = Math.ceil((address + bytes) / PAGE) * PAGE;
		const missing = this.#top - this.#memory.buffer.byteLength;
		if (missing > 0) {
			this.#memory.grow(Math.ceil(missing / PAGE));
		}
		return address;
	}

	/** Makes room for a list of so many groups and their products. */
	#reserve(groups: number): void {
		if (groups > this.#listCapacity) {
			this.#listCapacity = groups;
			this.#list = this.#allocate(4 * groups);
			this.#products = this.#allocate(4 * GROUP * GROUP * groups);
		}
	}

	/** Growing the memory detaches its views, so they are made for each search. */
	#views(): { list: Int32Array; products: Int32Array } {
		const { buffer } = this.#memory;
		return {
			list: new Int32Array(buffer, this.#list, this.#listCapacity),
			products: new Int32Array(buffer, this.#products, this.#listCapacity * GROUP * GROUP),
		};
	}
}

/** The best `size` keys of each of a group's four queries. */
class Candidates {
	readonly #size: number;
	readonly #scores: Int32Array;
	readonly #positions: Int32Array[];
	readonly #held = new Int32Array(GROUP);

	constructor(size: number) {
		this.#size = size;
		this.#scores = new Int32Array(size);
		this.#positions = Array.from({ length: GROUP }, () => new Int32Array(size));
	}

	/** @param products [groups, 4 queries, 4 keys] */
	pick(products: Int32Array, groups: number): void {
		const size = this.#size;
		const scores = this.#scores;
		for (let member = 0; member < GROUP; member++) {
			const positions = this.#positions[member] as Int32Array;
			scores.fill(NOTHING);
			let worst = NOTHING;
			let held = 0;
			for (let group = 0; group < groups; group++) {
				const at = group * GROUP * GROUP + member * GROUP;
				for (let key = 0; key < GROUP; key++) {
					const score = products[at + key] as number;
					if (score <= worst) {
						continue;
					}
					let rank = held < size ? held++ : size - 1;
					while (rank > 0 && (scores[rank - 1] as number) < score) {
						scores[rank] = scores[rank - 1] as number;
						positions[rank] = positions[rank - 1] as number;
						rank--;
					}
					scores[rank] = score;
					positions[rank] = group * GROUP + key;
					worst = scores[size - 1] as number;
				}
			}
			this.#held[member] = held;
		}
	}

	/** `group * 4 + key` of the chosen keys of a query, best first. */
	of(member: number): Int32Array {
		return (this.#positions[member] as Int32Array).subarray(0, this.#held[member]);
	}
}

/** The k best keys of every query cell so far, sorted by insertion: k is small and most offers fail the first comparison. */
class BestMatches {
	readonly #layout: BlockLayout;
	readonly #k: number;
	readonly #scores: Int32Array;
	readonly #owners: Int32Array;
	readonly #indices: Int32Array;

	constructor(layout: BlockLayout, k: number) {
		const { height, width } = layout.grid;
		this.#layout = layout;
		this.#k = k;
		this.#scores = new Int32Array(height * width * k).fill(NOTHING);
		this.#owners = new Int32Array(height * width * k).fill(-1);
		this.#indices = new Int32Array(height * width * k);
	}

	/** Offers a key block's four cells to the four cells of a query block. */
	offer(queryBlock: number, owner: number, keyBlock: number, products: Int32Array, at: number): void {
		const k = this.#k;
		const { cells } = this.#layout;
		const scores = this.#scores;
		for (let member = 0; member < 4; member++) {
			const cell = cells[queryBlock * 4 + member] as number;
			if (cell < 0) {
				continue;
			}
			const from = cell * k;
			const last = from + k - 1;
			for (let key = 0; key < 4; key++) {
				const score = products[at + member * 4 + key] as number;
				if (score <= (scores[last] as number)) {
					continue;
				}
				const target = cells[keyBlock * 4 + key] as number;
				if (target < 0) {
					continue;
				}
				let rank = last;
				while (rank > from && (scores[rank - 1] as number) < score) {
					scores[rank] = scores[rank - 1] as number;
					this.#owners[rank] = this.#owners[rank - 1] as number;
					this.#indices[rank] = this.#indices[rank - 1] as number;
					rank--;
				}
				scores[rank] = score;
				this.#owners[rank] = owner;
				this.#indices[rank] = target;
			}
		}
	}

	matches(): MemoryMatches {
		const similarities = new Float32Array(this.#scores.length);
		for (let i = 0; i < similarities.length; i++) {
			similarities[i] = (this.#scores[i] as number) / SIMILARITY_ONE;
		}
		return { k: this.#k, owners: this.#owners, indices: this.#indices, similarities };
	}
}
