import type { LabelWorkerSettings } from './label-protocol.js';
import { LabelThread } from './label-thread.js';

/** A thread that a pass has taken. */
export type TakenThread = {
	readonly thread: LabelThread;
	/** To be called when the pass has ended. */
	giveBack(): void;
};

/**
 * The label threads of a run. They are started at once, so that they load while the clip is still being looked at; each pass takes
 * the one that the fewest passes are on, and threads stay: a thread of its own for each pass would begin cold every time.
 */
export class LabelThreads {
	readonly #threads: { readonly thread: LabelThread; passes: number }[];

	constructor(settings: LabelWorkerSettings, count: number) {
		this.#threads = Array.from({ length: count }, () => ({ thread: new LabelThread(settings), passes: 0 }));
	}

	take(): TakenThread {
		const taken = this.#threads.reduce((least, next) => (next.passes < least.passes ? next : least));
		taken.passes++;
		return {
			thread: taken.thread,
			giveBack: () => {
				taken.passes--;
			},
		};
	}

	async close(): Promise<void> {
		await Promise.all(this.#threads.map(({ thread }) => thread.close()));
	}
}
