import type { DescriptorMap } from '../core/descriptor-map.js';
import type { GridSize } from '../core/size.js';
import { UNCERTAIN } from '../core/soft-labels.js';
import { bytesAt, floatsAt, intsAt, type Kernels, openKernels } from '../kernels/kernels.js';
import type { MemoryMatches } from './merge-matches.js';

/** A frame's descriptors in a matcher's memory. */
export type StoredDescriptors = {
	readonly address: number;
	free(): void;
};

/** A frame to be searched, and how far around a cell. */
type SearchedFrame = {
	readonly descriptors: StoredDescriptors;
	/** In cells (Chebyshev distance); each query sees at least these keys. `Infinity` for all. */
	readonly radius: number;
	/**
	 * [superblocks] the class that all cells of a superblock certainly have, or {@link UNCERTAIN}; see `BlockMatcher.certainSuperblocks`. Where all
	 * superblocks that resemble a query have the same class, a careful search among them could only find more of it.
	 */
	readonly certainSuperblocks?: Uint8Array | undefined;
};

type BlockMatcherOptions = {
	/** Matches per query, over all searched frames together. */
	readonly k: number;
	/**
	 * Blocks that a block is compared with cell by cell: those with the best products of means, out of twice as many
	 * superblocks of four blocks. `undefined` compares all in the window, which is exact and costs many times as much.
	 */
	readonly candidates: number | undefined;
};

/** Integers that the kernels are told of a frame (their `SearchedFrame`): where its descriptors are, its radius, where its classes are. */
const FRAME_INTS = 3;

/**
 * Windowed top-k search of one grid among several remembered ones on the CPU, down a pyramid: means of superblocks of 4 x 4
 * cells first, then the blocks of 2 x 2 cells in the best superblocks, then the cells of the best blocks. Descriptors and search are in
 * WebAssembly: see `kernels/assembly/matching`. Nothing of the size of a similarity matrix is ever held.
 */
export class BlockMatcher {
	readonly #kernels: Kernels = openKernels();
	readonly #grid: GridSize;
	readonly #channels: number;
	readonly #options: BlockMatcherOptions;
	/** Addresses of freed frames. */
	readonly #freed: number[] = [];

	constructor({ height, width }: GridSize, channels: number, options: BlockMatcherOptions) {
		this.#grid = { height, width };
		this.#channels = channels;
		this.#options = options;
		this.#kernels.openMatcher(height, width, channels, options.k, options.candidates ?? 0);
	}

	/** Puts a descriptor map into the matcher's memory. @throws Error for a map of another shape */
	store({ height, width, channels, data }: DescriptorMap): StoredDescriptors {
		const grid = this.#grid;
		if (height !== grid.height || width !== grid.width || channels !== this.#channels) {
			throw new Error(
				`A map of ${channels} x ${height} x ${width} does not fit a matcher for ${this.#channels} x ${grid.height} x ${grid.width}.`,
			);
		}
		const address = this.#freed.pop() ?? this.#kernels.allocateFrame();
		const area = height * width;
		for (let channel = 0; channel < channels; channel++) {
			const plane = data.subarray(channel * area, (channel + 1) * area);
			floatsAt(this.#kernels, this.#kernels.planeOf(channel), area).set(plane);
		}
		this.#kernels.storeFrame(address);
		return { address, free: () => this.#freed.push(address) };
	}

	/** The `k` best matches of every cell of `query` over all `frames`. */
	match(query: StoredDescriptors, frames: readonly SearchedFrame[]): MemoryMatches {
		const kernels = this.#kernels;
		const { k, candidates } = this.#options;
		kernels.clearChoice();
		if (frames.length > 0) {
			this.#tell(frames);
			const search = candidates === undefined ? kernels.searchAll : kernels.searchCandidates;
			search(query.address, frames.length);
		}
		const length = this.#grid.height * this.#grid.width * k;
		return {
			k,
			owners: intsAt(kernels, kernels.chosenOwners(), length).slice(),
			indices: intsAt(kernels, kernels.chosenIndices(), length).slice(),
			similarities: floatsAt(kernels, kernels.chosenSimilarities(), length).slice(),
		};
	}

	/** Tells the kernels what is searched. */
	#tell(frames: readonly SearchedFrame[]): void {
		const { height, width } = this.#grid;
		const superblocks = this.#superblocks;
		const address = this.#kernels.reserveFrames(frames.length);
		const told = intsAt(this.#kernels, address, frames.length * FRAME_INTS);
		const classesAt = address + told.byteLength;
		const classes = bytesAt(this.#kernels, classesAt, frames.length * superblocks);
		classes.fill(UNCERTAIN);
		for (const [at, { descriptors, radius, certainSuperblocks }] of frames.entries()) {
			const reach = Math.ceil(Math.min(radius, height + width));
			told.set([descriptors.address, reach, classesAt + at * superblocks], at * FRAME_INTS);
			if (certainSuperblocks !== undefined) {
				classes.set(certainSuperblocks, at * superblocks);
			}
		}
	}

	/**
	 * Brings what is certain of cells to the superblocks that are searched.
	 *
	 * @param certain [cells] the class that a cell certainly has, or {@link UNCERTAIN}
	 * @returns for {@link SearchedFrame.certainSuperblocks}
	 */
	certainSuperblocks(certain: Uint8Array): Uint8Array {
		const cells = intsAt(this.#kernels, this.#kernels.cells.value, 16 * this.#superblocks);
		const out = new Uint8Array(this.#superblocks);
		for (let superblock = 0; superblock < out.length; superblock++) {
			let common = -1;
			for (let at = 16 * superblock; at < 16 * (superblock + 1) && common !== UNCERTAIN; at++) {
				const cell = cells[at]!;
				if (cell >= 0) {
					const found = certain[cell]!;
					common = common === -1 || common === found ? found : UNCERTAIN;
				}
			}
			out[superblock] = common === -1 ? UNCERTAIN : common;
		}
		return out;
	}

	/** How many times four descriptors have been multiplied with another four since the matcher was made: what its work is measured by. */
	get multiplied(): number {
		return this.#kernels.multiplied.value;
	}

	get #superblocks(): number {
		return this.#kernels.superblockRows.value * this.#kernels.superblockColumns.value;
	}
}
