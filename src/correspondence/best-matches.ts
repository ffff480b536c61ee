import { type BlockLayout, SIMILARITY_ONE } from './block-layout.js';
import type { MemoryMatches } from './memory-matches.js';
import { NOTHING } from './pick-kernel.js';
import { GROUP } from './products-kernel.js';

/** The k best keys of every query cell. */
export class BestMatches {
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
		for (let member = 0; member < GROUP; member++) {
			const cell = this.#layout.cells[queryBlock * GROUP + member] as number;
			if (cell >= 0) {
				this.#chooseFor(member, products, count, keyBlocks);
				this.#write(cell, owners, keyBlocks);
			}
		}
	}

	#chooseFor(member: number, products: Int32Array, count: number, keyBlocks: Int32Array): void {
		const last = this.#k - 1;
		const scores = this.#scores;
		const { cells } = this.#layout;
		scores.fill(NOTHING);
		let worst = NOTHING;
		for (let i = 0; i < count; i++) {
			const at = (i * GROUP + member) * GROUP;
			const firstCell = (keyBlocks[i] as number) * GROUP;
			for (let key = 0; key < GROUP; key++) {
				const score = products[at + key] as number;
				if (score > worst && (cells[firstCell + key] as number) >= 0) {
					insert(scores, this.#places, last, score, i * GROUP + key);
					worst = scores[last] as number;
				}
			}
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

/** Puts an entry where it belongs among those before place `last`, and moves the rest up to there. */
const insert = (
	scores: Int32Array,
	positions: Int32Array,
	last: number,
	score: number,
	position: number,
): void => {
	let rank = last;
	while (rank > 0 && (scores[rank - 1] as number) < score) {
		scores[rank] = scores[rank - 1] as number;
		positions[rank] = positions[rank - 1] as number;
		rank--;
	}
	scores[rank] = score;
	positions[rank] = position;
};
