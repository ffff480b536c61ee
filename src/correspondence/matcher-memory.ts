import type { DescriptorMap } from '../hyperfeatures/descriptor-map.js';
import { growTo, PAGE_BYTES, roundedUp } from '../wasm/module.js';
import type { BlockLayout } from './block-layout.js';
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
	/** Byte address of the cells' rows [blocks, 4, rowLength]; behind them lie those of the blocks [blocks, rowLength] and of the squares. */
	readonly fine: number;
	free(): void;
};

/** The WebAssembly memory that frames' descriptors lie in, and the kernels that work on it. */
export class MatcherMemory {
	readonly #layout: BlockLayout;
	readonly #memory = new WebAssembly.Memory({ initial: 1 });
	readonly multiply: ProductsKernel;
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
		this.multiply = compileProductsKernel(rowLength, this.#memory);
		this.#storeCells = compileStoreKernel(rowLength, 4 * this.#planeLength, this.#memory);
		this.#storeMeans = compileMeansKernel(rowLength, this.#memory);
		// The last row takes what the padding of the planes gives.
		this.#planes = this.allocate(4 * this.#planeLength * rowLength);
		this.#rows = this.allocate(4 * this.#planeLength + 2 * rowLength);
	}

	/** Puts a descriptor map into the matcher's memory. */
	store(map: DescriptorMap): StoredDescriptors {
		const { grid, channels, blocksAt, squaresAt, frameBytes } = this.#layout;
		if (map.height !== grid.height || map.width !== grid.width || map.channels !== channels) {
			throw new Error(
				`A map of ${map.channels} x ${map.height} x ${map.width} does not fit a matcher for ${channels} x ${grid.height} x ${grid.width}.`,
			);
		}
		const fine = this.#freeSlots.pop() ?? this.allocate(frameBytes);
		const [coarse, squares] = [fine + blocksAt, fine + squaresAt];
		this.#writePlanes(map.data);
		const rowsEnd = this.#listRows(fine);
		this.#storeCells(this.#planes, this.#rows, rowsEnd);
		this.#storeMeans(fine, coarse, squares);
		this.#storeMeans(coarse, squares, fine + frameBytes);
		return { fine, free: () => this.#freeSlots.push(fine) };
	}

	/** Cells of a plane, with padding. */
	get #planeLength(): number {
		const { height, width } = this.#layout.grid;
		return roundedUp(height * width, CELLS_A_ROUND);
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

	/** Compiles a kernel for this memory. */
	compile<Arguments extends unknown[], Kernel>(
		kernel: (memory: WebAssembly.Memory, ...rest: Arguments) => Kernel,
		...rest: Arguments
	): Kernel {
		return kernel(this.#memory, ...rest);
	}

	/**
	 * Room for three lists of `listBytes` that lie one after the other, of so many groups of key rows and of what belongs to them,
	 * and for the groups' products [groups, 4 queries, 4 keys]. Detaches the views of before.
	 */
	reserve(groups: number): { readonly list: number; readonly listBytes: number; readonly products: number } {
		if (groups > this.#listCapacity) {
			this.#listCapacity = groups;
			this.#list = this.allocate(3 * 4 * groups);
			this.#products = this.allocate(4 * GROUP * GROUP * groups);
		}
		return { list: this.#list, listBytes: 4 * this.#listCapacity, products: this.#products };
	}

	get buffer(): ArrayBuffer {
		return this.#memory.buffer;
	}

	/** So many bytes for good. Detaches the views of before. */
	allocate(bytes: number): number {
		const address = this.#top;
		this.#top = roundedUp(address + bytes, PAGE_BYTES);
		growTo(this.#memory, this.#top);
		return address;
	}
}
