import { handled } from '../handled.js';
import type { CarriedLabels } from '../propagation/propagate-masks.js';
import type { PassFrame } from './carry-pass.js';
import type { FrameStore } from './frame-store.js';
import { carriedFrom } from './stored-pass.js';

/**
 * Runs a pass before anybody asks for its frames. They wait in the pass's store, so that memory holds none of them; the
 * consumer gets these first, and then the pass itself.
 */
export class PassAhead {
	readonly #pass: AsyncGenerator<PassFrame, void, void>;
	readonly #store: FrameStore<CarriedLabels>;
	readonly #waiting: Pick<PassFrame, 'index' | 'isNew'>[] = [];
	readonly #running: Promise<void>;
	#isTaken = false;

	/** @param store where `pass` puts its frames */
	constructor(pass: AsyncGenerator<PassFrame, void, void>, store: FrameStore<CarriedLabels>) {
		this.#pass = pass;
		this.#store = store;
		this.#running = handled(this.#run());
	}

	/** All frames of the pass in order; to be called once. */
	async *take(): AsyncGenerator<PassFrame, void, void> {
		this.#isTaken = true;
		await this.#running;
		for (const { index, isNew } of this.#waiting) {
			yield { index, isNew, carried: await carriedFrom(this.#store, index) };
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
