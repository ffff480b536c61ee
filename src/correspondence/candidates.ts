import type { MatcherMemory } from './matcher-memory.js';
import { GROUP } from './products-kernel.js';

/** The best `size` keys of each of a group's four queries, among the products in a matcher's memory. */
export class Candidates {
	readonly #size: number;
	readonly #memory: MatcherMemory;
	readonly #address: number;
	#buffer: ArrayBuffer | undefined;
	#held = new Int32Array(0);
	#positions: readonly Int32Array[] = [];

	/** @param memory gives room that it never gets back */
	constructor(size: number, memory: MatcherMemory) {
		this.#size = size;
		this.#memory = memory;
		this.#address = memory.allocate(4 * (GROUP + GROUP * size + size));
	}

	/** @param groups of keys whose products have been computed last */
	pick(groups: number): void {
		const positions = this.#address + 4 * GROUP;
		const scores = positions + 4 * GROUP * this.#size;
		for (let member = 0; member < GROUP; member++) {
			const held = this.#address + 4 * member;
			this.#memory.pick(member, groups, held, positions + 4 * member * this.#size, scores, this.#size);
		}
		this.#view();
	}

	/** `group * 4 + key` of the chosen keys of a query, best first; the first {@link held} count. */
	of(member: number): Int32Array {
		return this.#positions[member] as Int32Array;
	}

	held(member: number): number {
		return (this.#held[member] as number) / 4;
	}

	/** Memory that grows gets a new buffer. */
	#view(): void {
		const { buffer } = this.#memory;
		if (buffer === this.#buffer) {
			return;
		}
		this.#buffer = buffer;
		this.#held = new Int32Array(buffer, this.#address, GROUP);
		this.#positions = Array.from(
			{ length: GROUP },
			(_, member) => new Int32Array(buffer, this.#address + 4 * (GROUP + member * this.#size), this.#size),
		);
	}
}
