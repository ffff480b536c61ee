/** The stages of the product's picture, in the order in which a frame goes through them. */
export const stages = ['decode', 'inversion', 'matching', 'refinement', 'encode'] as const;
export type Stage = (typeof stages)[number];

/** Time during which a stage was at work. Stages overlap, so the sum may exceed the time that passed. */
export class StageClock {
	readonly #milliseconds = new Map<Stage, number>();
	/** How many pieces of a stage are under way, and since when there is one. */
	readonly #busy = new Map<Stage, { pieces: number; since: number }>();

	/** Runs one piece of a stage; time that several pieces share counts once. */
	async measure<Result>(stage: Stage, work: () => Promise<Result> | Result): Promise<Result> {
		const busy = this.#busy.get(stage) ?? { pieces: 0, since: performance.now() };
		busy.pieces++;
		this.#busy.set(stage, busy);
		try {
			return await work();
		} finally {
			busy.pieces--;
			if (busy.pieces === 0) {
				this.#busy.delete(stage);
				this.#milliseconds.set(stage, (this.#milliseconds.get(stage) ?? 0) + performance.now() - busy.since);
			}
		}
	}

	/** Milliseconds by stage. */
	get totals(): Record<Stage, number> {
		return Object.fromEntries(stages.map((stage) => [stage, this.#milliseconds.get(stage) ?? 0])) as Record<
			Stage,
			number
		>;
	}
}
