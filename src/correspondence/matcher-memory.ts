import type { DescriptorMap } from '../hyperfeatures/descriptor-map.js';
import { growTo, PAGE_BYTES } from '../wasm/module.js';
import type { BlockLayout } from './block-layout.js';
import { compilePickKernel, type PickKernel } from './pick-kernel.js';
import { compileProductsKernel, GROUP, type ProductsKernel } from './products-kernel.js';
import {
	CELLS_A_ROUND,
	compileMeansKernel,
	compileStoreKernel,
	type MeansKernel,
	type StoreKernel,
} from './store-kernel.js';

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

/** The WebAssembly memory that frames' descriptors lie in, and the kernels that work on it. */
export class MatcherMemory {
	readonly #layout: BlockLayout;
	readonly #memory = new WebAssembly.Memory({ initial: 1 });
	readonly #multiplyRows: ProductsKernel;
	readonly #pickKeys: PickKernel;
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

	constructor(layout: BlockLayout) {
		this.#layout = layout;
		const { rowLength } = layout;
		this.#multiplyRows = compileProductsKernel(rowLength, this.#memory);
		this.#pickKeys = compilePickKernel(this.#memory);
		this.#storeCells = compileStoreKernel(rowLength, 4 * this.#planeLength, this.#memory);
		this.#storeMeans = compileMeansKernel(rowLength, this.#memory);
		// The last row takes what the padding of the planes gives.
		this.#planes = this.allocate(4 * this.#planeLength * rowLength);
		this.#rows = this.allocate(4 * this.#planeLength + 2 * rowLength);
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
		const fine = this.#freeSlots.pop() ?? this.allocate(fineBytes + fineBytes / 4 + fineBytes / 16);
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

	/**
	 * Room for the list of so many groups of key rows, and for their products [groups, 4 queries, 4 keys]. Storing and reserving
	 * detach the views of before.
	 */
	reserve(groups: number): { list: Int32Array; products: Int32Array } {
		if (groups > this.#listCapacity) {
			this.#listCapacity = groups;
			this.#list = this.allocate(4 * groups);
			this.#products = this.allocate(4 * GROUP * GROUP * groups);
		}
		const { buffer } = this.#memory;
		return {
			list: new Int32Array(buffer, this.#list, this.#listCapacity),
			products: new Int32Array(buffer, this.#products, this.#listCapacity * GROUP * GROUP),
		};
	}

	/** Products of four query rows, from an address on, with the listed groups of key rows. */
	multiply(queries: number, groups: number): void {
		this.#multiplyRows(queries, this.#list, this.#list + 4 * groups, this.#products);
	}

	/** Picks the best keys of one of the four queries among the products of so many groups; see {@link PickKernel}. */
	pick(query: number, groups: number, held: number, positions: number, scores: number, size: number): void {
		const first = this.#products + 4 * GROUP * query;
		this.#pickKeys(first, first + 4 * GROUP * GROUP * groups, held, positions, scores, 4 * size);
	}

	get buffer(): ArrayBuffer {
		return this.#memory.buffer;
	}

	/** So many bytes for good. Detaches the views of before. */
	allocate(bytes: number): number {
		const address = this.#top;
		this.#top = Math.ceil((address + bytes) / PAGE_BYTES) * PAGE_BYTES;
		growTo(this.#memory, this.#top);
		return address;
	}
}
