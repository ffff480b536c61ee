/** Every so many frames one is kept for long... */
const INTERVAL = 5;
/** ...and so many at most, beside the painted ones and the last one. */
const KEPT = 3;
/** A mask that the tracker trusts less than this is not learned from. */
export const MIN_CONFIDENCE = 0.5;

/**
 * Decides which frames of a pass are remembered: the painted ones, the last one, and a few confident ones spread over all that has passed.
 * Memory does not grow with the clip: when there are too many, the one whose neighbours in time are closest goes.
 */
export class MemoryPlan {
	readonly #start: number;
	readonly #kept: number[] = [];

	/** @param start the painted frame where the pass begins */
	constructor(start: number) {
		this.#start = start;
	}

	/** Frames kept beside the painted ones, in the order of the pass. */
	get kept(): readonly number[] {
		return this.#kept;
	}

	/**
	 * Hears of the next frame of the pass.
	 *
	 * @param confidence see `TrackedFrame`
	 * @returns whether it is to be kept, and the frame that goes for it
	 */
	add(frame: number, confidence: number): { readonly keep: boolean; readonly drop?: number | undefined } {
		if (Math.abs(frame - this.#start) % INTERVAL !== 0 || confidence < MIN_CONFIDENCE) {
			return { keep: false };
		}
		this.#kept.push(frame);
		if (this.#kept.length <= KEPT) {
			return { keep: true };
		}
		const at = [this.#start, ...this.#kept];
		let closest = 1;
		for (let i = 2; i < at.length - 1; i++) {
			if (this.#gap(at, i) < this.#gap(at, closest)) {
				closest = i;
			}
		}
		return { keep: true, drop: this.#kept.splice(closest - 1, 1)[0] };
	}

	#gap(at: readonly number[], i: number): number {
		return Math.abs(at[i + 1]! - at[i - 1]!);
	}
}
