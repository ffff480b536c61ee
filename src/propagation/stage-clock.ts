/** The stages of the product's picture, in the order in which a frame goes through them. */
export const stages = ['decode', 'inversion', 'matching', 'refinement', 'encode'] as const;
export type Stage = (typeof stages)[number];

/** Time spent in each stage. Stages overlap, so the sum may exceed the time that passed. */
export class StageClock {
	readonly #milliseconds = new Map<Stage, number>();

	/** Runs one piece of a stage and adds its duration. */
	async measure<Result>(stage: Stage, work: () => Promise<Result> | Result): Promise<Result> {
		const start = performance.now();
		try {
			return await work();
		} finally {
			this.#milliseconds.set(stage, (this.#milliseconds.get(stage) ?? 0) + performance.now() - start);
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
