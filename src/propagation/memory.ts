import type { SoftLabels } from './soft-labels.js';
import type { StoredFrame } from './voter.js';

/** A frame whose labels are known (keyframe) or were propagated (recent); undefined where the voter has them itself. */
export type RememberedFrame = {
	readonly descriptors: StoredFrame;
	readonly labels: SoftLabels | undefined;
};

/**
 * What propagation remembers: keyframes for good, and the last few frames. Its size does not depend
 * on the length of the clip.
 */
export class Memory {
	readonly #keyframes: RememberedFrame[] = [];
	readonly #recent: RememberedFrame[] = [];
	readonly #capacity: number;

	/** @param capacity how many recent frames are kept */
	constructor(capacity: number) {
		this.#capacity = capacity;
	}

	get keyframes(): readonly RememberedFrame[] {
		return this.#keyframes;
	}

	/** Oldest first. */
	get recent(): readonly RememberedFrame[] {
		return this.#recent;
	}

	addKeyframe(frame: RememberedFrame): void {
		this.#keyframes.push(frame);
	}

	addRecent(frame: RememberedFrame): void {
		this.#recent.push(frame);
		if (this.#recent.length > this.#capacity) {
			this.#recent.shift()?.descriptors.free();
		}
	}

	/** Frees everything. */
	clear(): void {
		for (const frame of [...this.#keyframes, ...this.#recent]) {
			frame.descriptors.free();
		}
		this.#keyframes.length = 0;
		this.#recent.length = 0;
	}
}
