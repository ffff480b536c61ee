import { handled } from '../handled.js';
import type { CarriedLabels } from '../propagation/propagate-masks.js';
import type { PassFrame } from './carry-pass.js';

/**
 * Runs a pass before anybody asks for its frames. They wait in the pass's store, so that memory holds none of them; the
 * consumer gets these first, and then the pass itself.
 */
export class PassAhead {
	readonly #pass: AsyncGenerator<PassFrame, void, void>;
	readonly #carriedTo: (index: number) => Promise<CarriedLabels>;
	readonly #waiting: Pick<PassFrame, 'index' | 'isNew'>[] = [];
	readonly #running: Promise<void>;
	#isTaken = false;

	/** @param carriedTo what the pass has found for a frame */
	constructor(
		pass: AsyncGenerator<PassFrame, void, void>,
		carriedTo: (index: number) => Promise<CarriedLabels>,
	) {
		this.#pass = pass;
		this.#carriedTo = carriedTo;
		this.#running = handled(this.#run());
	}

	/** All frames of the pass in order; to be called once. */
	async *take(): AsyncGenerator<PassFrame, void, void> {
		this.#isTaken = true;
		await this.#running;
		for (const { index, isNew } of this.#waiting) {
			yield { index, isNew, carried: await this.#carriedTo(index) };
		}
		yield* this.#pass;
	}

	async close(): Promise<void> {
		this.#isTaken = true;
		await this.#running.catch(() => {});
		await this.#pass.return();
	}

	async #run(): Promise<void> {
		while (!this.#isTaken) {
			const { done, value } = await this.#pass.next();
			if (done) {
				return;
			}
			this.#waiting.push({ index: value.index, isNew: value.isNew });
		}
	}
}
