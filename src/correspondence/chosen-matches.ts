import { type BlockLayout, SIMILARITY_ONE } from './block-layout.js';
import { type ChooseKernel, chooseScratch, compileChooseKernel } from './choose-kernel.js';
import type { MatcherMemory } from './matcher-memory.js';
import type { MemoryMatches } from './memory-matches.js';
import { NOTHING } from './pick-kernel.js';

/** The k best keys of every query cell, in a matcher's memory. */
export class ChosenMatches {
	readonly #memory: MatcherMemory;
	readonly #k: number;
	readonly #length: number;
	readonly #owners: number;
	/** Chooses for the cells of a query block; see {@link ChooseKernel}. */
	readonly choose: ChooseKernel;

	/** @param memory gives room that it never gets back */
	constructor({ grid, cells }: BlockLayout, memory: MatcherMemory, k: number) {
		this.#memory = memory;
		this.#k = k;
		this.#length = grid.height * grid.width * k;
		const address = memory.allocate(4 * (cells.length + 3 * this.#length + chooseScratch(k)));
		new Int32Array(memory.buffer, address, cells.length).set(cells);
		this.#owners = address + 4 * cells.length;
		this.choose = memory.compile(compileChooseKernel, k, {
			cells: address,
			owners: this.#owners,
			indices: this.#owners + 4 * this.#length,
			similarities: this.#owners + 8 * this.#length,
			scratch: this.#owners + 12 * this.#length,
			lacksCells: cells.includes(-1),
		});
	}

	/** Forgets what was chosen before. */
	clear(): void {
		const { buffer } = this.#memory;
		new Int32Array(buffer, this.#owners, 2 * this.#length).fill(0).fill(-1, 0, this.#length);
		new Float32Array(buffer, this.#owners + 8 * this.#length, this.#length).fill(NOTHING / SIMILARITY_ONE);
	}

	/** What has been chosen since. */
	matches(): MemoryMatches {
		const ints = new Int32Array(this.#memory.buffer, this.#owners, 2 * this.#length);
		return {
			k: this.#k,
			owners: ints.slice(0, this.#length),
			indices: ints.slice(this.#length),
			similarities: new Float32Array(
				this.#memory.buffer,
				this.#owners + 8 * this.#length,
				this.#length,
			).slice(),
		};
	}
}
