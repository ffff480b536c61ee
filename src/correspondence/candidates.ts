import { GROUP } from './products-kernel.js';

/** Less than every product. */
export const NOTHING = -0x80000000;

/** The best `size` keys of each of a group's four queries. */
export class Candidates {
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
		for (let member = 0; member < GROUP; member++) {
			this.#held[member] = this.#pickFor(member, products, groups);
		}
	}

	#pickFor(member: number, products: Int32Array, groups: number): number {
		const size = this.#size;
		const scores = this.#scores;
		const positions = this.#positions[member] as Int32Array;
		scores.fill(NOTHING);
		let worst = NOTHING;
		let held = 0;
		for (let group = 0; group < groups; group++) {
			const at = (group * GROUP + member) * GROUP;
			for (let key = 0; key < GROUP; key++) {
				const score = products[at + key] as number;
				if (score > worst) {
					// Sorted by insertion: most fail this comparison.
					insert(scores, positions, held < size ? held++ : size - 1, score, group * GROUP + key);
					worst = scores[size - 1] as number;
				}
			}
		}
		return held;
	}

	/** `group * 4 + key` of the chosen keys of a query, best first; the first {@link held} count. */
	of(member: number): Int32Array {
		return this.#positions[member] as Int32Array;
	}

	held(member: number): number {
		return this.#held[member] as number;
	}
}

/** Puts an entry where it belongs among those before place `last`, and moves the rest up to there. */
export const insert = (
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
