import type { DescriptorMap } from '../hyperfeatures/descriptor-map.js';
import { type BlockLayout, blockNumber, planBlocks, SIMILARITY_ONE } from './block-layout.js';
import type { MemoryMatches } from './memory-matches.js';
import { compileProductsKernel, GROUP, type ProductsKernel } from './products-kernel.js';
import {
	CELLS_A_ROUND,
	compileMeansKernel,
	compileStoreKernel,
	type MeansKernel,
	type StoreKernel,
} from './store-kernel.js';
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
	/**
	 * [cells] the class that a cell certainly has, or {@link UNCERTAIN}. Where all squares that resemble a query have the same
	 * class, a careful search among them could only find more votes for it.
	 */
	readonly certain?: Uint8Array | undefined;
};

/** Marks cells that no class has for certain. */
export const UNCERTAIN = 255;

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
/** Where nothing but the similarity is at stake, the search among candidates takes a fraction of them. */
const FEWER = 4;

/**
 * Windowed top-k search of one grid among several remembered ones on the CPU, down a pyramid: means of squares of 4 x 4
 * cells first, then the blocks of 2 x 2 cells in the best squares, then the cells of the best blocks. The products are computed by a WebAssembly kernel on 16-bit descriptors; only the selection is
 * left to JavaScript, which looks at a product once. Nothing of the size of a similarity matrix is ever held.
 */
export class BlockMatcher {
	readonly #layout: BlockLayout;
	readonly #options: BlockMatcherOptions;
	readonly #memory = new WebAssembly.Memory({ initial: 1 });
	readonly #multiplyRows: ProductsKernel;
	readonly #storeCells: StoreKernel;
	readonly #storeMeans: MeansKernel;
	readonly #freeSlots: number[] = [];
	/** First byte behind everything allocated. */
	#top = 0;
	/** Addresses of a map on its way in, and of the list of its cells' rows. */
	readonly #planes: number;
	readonly #rows: number;
	/** Addresses of the kernel's list of key groups and of its products. */
	#list = 0;
	#products = 0;
	#listCapacity = 0;

	constructor(grid: GridSize, channels: number, options: BlockMatcherOptions) {
		this.#layout = planBlocks(grid, channels);
		this.#options = options;
		const { rowLength } = this.#layout;
		this.#multiplyRows = compileProductsKernel(rowLength, this.#memory);
		this.#storeCells = compileStoreKernel(rowLength, 4 * this.#planeLength, this.#memory);
		this.#storeMeans = compileMeansKernel(rowLength, this.#memory);
		// The last row takes what the padding of the planes gives.
		this.#planes = this.#allocate(4 * this.#planeLength * rowLength);
		this.#rows = this.#allocate(4 * this.#planeLength + 2 * rowLength);
	}

	/** Puts a descriptor map into the matcher's memory. */
	store(map: DescriptorMap): StoredDescriptors {
		const { rowLength, cells, grid, channels } = this.#layout;
		if (map.height !== grid.height || map.width !== grid.width || map.channels !== channels) {
			throw new Error(
				`A map of ${map.channels} x ${map.height} x ${map.width} does not fit a matcher for ${channels} x ${grid.height} x ${grid.width}.`,
			);
		}
		const fineBytes = 2 * cells.length * rowLength;
		const fine = this.#freeSlots.pop() ?? this.#allocate(fineBytes + fineBytes / 4 + fineBytes / 16);
		const coarse = fine + fineBytes;
		const squares = coarse + fineBytes / 4;
		this.#writePlanes(map.data);
		const rowsEnd = this.#listRows(fine);
		this.#storeCells(this.#planes, this.#rows, rowsEnd);
		this.#storeMeans(fine, coarse, squares);
		this.#storeMeans(coarse, squares, squares + fineBytes / 16);
		return { fine, coarse, squares, free: () => this.#freeSlots.push(fine) };
	}

	/** Cells of a plane, with padding. */
	get #planeLength(): number {
		const { height, width } = this.#layout.grid;
		return Math.ceil((height * width) / CELLS_A_ROUND) * CELLS_A_ROUND;
	}

	#writePlanes(data: Float32Array): void {
		const { grid, channels } = this.#layout;
		const area = grid.height * grid.width;
		const planes = new Float32Array(this.#memory.buffer, this.#planes, channels * this.#planeLength);
		if (area === this.#planeLength) {
			planes.set(data);
			return;
		}
		for (let channel = 0; channel < channels; channel++) {
			planes.set(data.subarray(channel * area, (channel + 1) * area), channel * this.#planeLength);
		}
	}

	/** Lists where each cell of a plane is to be written; returns the end of the list. */
	#listRows(fine: number): number {
		const { cells, rowLength } = this.#layout;
		const rows = new Int32Array(this.#memory.buffer, this.#rows, this.#planeLength);
		const end = this.#rows + 4 * this.#planeLength;
		rows.fill(end);
		for (let at = 0; at < cells.length; at++) {
			const cell = cells[at] as number;
			if (cell >= 0) {
				rows[cell] = fine + 2 * at * rowLength;
			}
		}
		return end;
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
		const blockBytes = 2 * GROUP * rowLength;
		const most = frames.length * blockRows * blockColumns;
		this.#reserve(most);
		const { list, products } = this.#views();
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
				this.#multiply(query.fine + block * blockBytes, count);
				best.choose(block, products, count, owners, keys);
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
		const classes = frames.map(({ certain }) => this.#classesOfSquares(certain));
		// Of each group of squares in the list: the frame, and the number of its first square.
		const groupOwners = new Int32Array(groups);
		const firsts = new Int32Array(groups);
		const squares = new Candidates(2 * candidates);
		const blocks = new Candidates(candidates);
		// Of the squares, then of the blocks that are looked into: the frame, and the number of the square or block.
		const squareOwners = new Int32Array(2 * candidates);
		const squareNumbers = new Int32Array(2 * candidates);
		const blockOwners = new Int32Array(candidates);
		const blockNumbers = new Int32Array(candidates);
		for (let y = 0; y < squareRows; y++) {
			for (let x = 0; x < squareColumns; x += GROUP) {
				const count = this.#listSquares(y, x, frames, list, groupOwners, firsts);
				const first = y * squareColumns + x;
				this.#multiply(query.squares + first * rowBytes, count);
				squares.pick(products, count);
				for (let member = 0; member < GROUP; member++) {
					const square = first + member;
					const near = squares.of(member);
					const found = squares.held(member);
					for (let i = 0; i < found; i++) {
						const at = near[i] as number;
						squareOwners[i] = groupOwners[at >> 2] as number;
						squareNumbers[i] = (firsts[at >> 2] as number) + (at & 3);
					}
					const share = agree(classes, squareOwners, squareNumbers, found) ? FEWER : 1;
					const looked = Math.min(found, Math.ceil((2 * candidates) / share));
					for (let i = 0; i < looked; i++) {
						const { descriptors } = frames[squareOwners[i] as number] as SearchedFrame;
						list[i] = descriptors.coarse + (squareNumbers[i] as number) * GROUP * rowBytes;
					}
					this.#multiply(query.coarse + square * GROUP * rowBytes, looked);
					blocks.pick(products, looked);
					for (let part = 0; part < GROUP; part++) {
						const block = square * GROUP + part;
						const nearest = blocks.of(part);
						const compared = Math.min(blocks.held(part), Math.ceil(candidates / share));
						for (let i = 0; i < compared; i++) {
							const at = nearest[i] as number;
							const owner = squareOwners[at >> 2] as number;
							const key = (squareNumbers[at >> 2] as number) * GROUP + (at & 3);
							const { descriptors } = frames[owner] as SearchedFrame;
							list[i] = descriptors.fine + key * GROUP * rowBytes;
							blockOwners[i] = owner;
							blockNumbers[i] = key;
						}
						this.#multiply(query.fine + block * GROUP * rowBytes, compared);
						best.choose(block, products, compared, blockOwners, blockNumbers);
					}
				}
			}
		}
	}

	/** [squares] the class that all cells of a square certainly have, or {@link UNCERTAIN}. */
	#classesOfSquares(certain: Uint8Array | undefined): Uint8Array {
		const { cells } = this.#layout;
		const out = new Uint8Array(cells.length / 16).fill(UNCERTAIN);
		if (certain === undefined) {
			return out;
		}
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
		this.#multiplyRows(queries, this.#list, this.#list + 4 * groups, this.#products);
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

	/** `group * 4 + key` of the chosen keys of a query, best first; the first {@link held} count. */
	of(member: number): Int32Array {
		return this.#positions[member] as Int32Array;
	}

	held(member: number): number {
		return this.#held[member] as number;
	}
}

/** Whether the squares certainly have one and the same class. */
const agree = (
	classes: readonly Uint8Array[],
	owners: Int32Array,
	squares: Int32Array,
	count: number,
): boolean => {
	let common = UNCERTAIN;
	for (let i = 0; i < count; i++) {
		const found = (classes[owners[i] as number] as Uint8Array)[squares[i] as number] as number;
		if (found === UNCERTAIN || (i > 0 && found !== common)) {
			return false;
		}
		common = found;
	}
	return true;
};

/** The k best keys of every query cell. */
class BestMatches {
	readonly #layout: BlockLayout;
	readonly #k: number;
	readonly #matches: MemoryMatches;
	/** The best of one cell while it is looked at: products, and places among them. */
	readonly #scores: Int32Array;
	readonly #places: Int32Array;

	constructor(layout: BlockLayout, k: number) {
		const { height, width } = layout.grid;
		const length = height * width * k;
		this.#layout = layout;
		this.#k = k;
		this.#matches = {
			k,
			owners: new Int32Array(length).fill(-1),
			indices: new Int32Array(length),
			similarities: new Float32Array(length).fill(NOTHING / SIMILARITY_ONE),
		};
		this.#scores = new Int32Array(k);
		this.#places = new Int32Array(k);
	}

	/**
	 * Chooses for the four cells of a query block among the cells of some key blocks.
	 *
	 * @param products [count, 4 queries, 4 keys]
	 * @param owners [count] the frames of the key blocks
	 * @param keyBlocks [count] their numbers
	 */
	choose(
		queryBlock: number,
		products: Int32Array,
		count: number,
		owners: Int32Array,
		keyBlocks: Int32Array,
	): void {
		const k = this.#k;
		const scores = this.#scores;
		const places = this.#places;
		const { cells } = this.#layout;
		for (let member = 0; member < GROUP; member++) {
			const cell = cells[queryBlock * GROUP + member] as number;
			if (cell < 0) {
				continue;
			}
			scores.fill(NOTHING);
			// Sorted by insertion: k is small, and most fail the first comparison.
			let worst = NOTHING;
			for (let i = 0; i < count; i++) {
				const at = (i * GROUP + member) * GROUP;
				for (let key = 0; key < GROUP; key++) {
					const score = products[at + key] as number;
					if (score <= worst || (cells[(keyBlocks[i] as number) * GROUP + key] as number) < 0) {
						continue;
					}
					let rank = k - 1;
					while (rank > 0 && (scores[rank - 1] as number) < score) {
						scores[rank] = scores[rank - 1] as number;
						places[rank] = places[rank - 1] as number;
						rank--;
					}
					scores[rank] = score;
					places[rank] = i * GROUP + key;
					worst = scores[k - 1] as number;
				}
			}
			this.#write(cell, owners, keyBlocks);
		}
	}

	/** Takes over what was chosen for a cell. */
	#write(cell: number, owners: Int32Array, keyBlocks: Int32Array): void {
		const matches = this.#matches;
		const { cells } = this.#layout;
		for (let rank = 0; rank < this.#k; rank++) {
			const score = this.#scores[rank] as number;
			if (score === NOTHING) {
				return;
			}
			const place = this.#places[rank] as number;
			const to = cell * this.#k + rank;
			matches.similarities[to] = score / SIMILARITY_ONE;
			matches.owners[to] = owners[place >> 2] as number;
			matches.indices[to] = cells[(keyBlocks[place >> 2] as number) * GROUP + (place & 3)] as number;
		}
	}

	matches(): MemoryMatches {
		return this.#matches;
	}
}
