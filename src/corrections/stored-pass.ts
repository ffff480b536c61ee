import type { CarriedLabels } from '../propagation/propagate-masks.js';
import { carryPass, type PassContext, type PassOptions } from './carry-pass.js';
import type { Keyframe } from './keyframe.js';

/** A pass that is run as far as it is needed, on the thread of its direction; what it finds is in its store. */
export class StoredPass {
	readonly #carriedTo: (index: number) => Promise<CarriedLabels>;
	readonly #frames: ReturnType<typeof carryPass>;
	readonly #computed = new Set<number>();
	readonly #step: number;
	#reached: number;
	#newest: CarriedLabels | undefined;

	constructor(context: PassContext, keyframe: Keyframe, options: PassOptions) {
		this.#carriedTo = (index) => carriedTo(context, keyframe, options, index);
		this.#step = options.direction === 'forward' ? 1 : -1;
		this.#reached = keyframe.frame;
		this.#frames = carryPass(context, keyframe, options);
	}

	/** Runs the pass up to a frame, included. */
	async reach(index: number): Promise<void> {
		while ((index - this.#reached) * this.#step > 0) {
			const { done, value } = await this.#frames.next();
			if (done) {
				throw new Error(`The clip ended before frame ${index}.`);
			}
			this.#reached = value.index;
			this.#newest = value.carried;
			if (value.isNew) {
				this.#computed.add(value.index);
			}
		}
	}

	/** What the pass found for a frame that it has reached. */
	async at(index: number): Promise<CarriedLabels> {
		return index === this.#reached && this.#newest !== undefined ? this.#newest : this.#carriedTo(index);
	}

	/** Whether this run has computed the frame. */
	hasComputed(index: number): boolean {
		return this.#computed.has(index);
	}

	async close(): Promise<void> {
		this.#newest = undefined;
		await this.#frames.return();
	}
}

/** What a pass has found for a frame that it has been to. Where the store has lost that, by whatever cause, it is carried again. */
export const carriedTo = async (
	context: PassContext,
	keyframe: Keyframe,
	options: PassOptions,
	index: number,
): Promise<CarriedLabels> => {
	const stored = await options.store.get(index);
	if (stored !== undefined) {
		return stored;
	}
	const again = carryPass(context, keyframe, { ...options, last: index, surely: index });
	for await (const { index: reached, carried } of again) {
		if (reached === index) {
			return carried;
		}
	}
	throw new Error(`The clip ended before frame ${index}.`);
};
