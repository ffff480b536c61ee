import { Memory, type RememberedFrame } from './memory.js';
import type { PropagationSettings } from './settings.js';
import type { SoftLabels } from './soft-labels.js';
import type { Vote } from './vote.js';
import type { StoredFrame, Voter, Witness } from './voter.js';

/**
 * Carries soft labels from keyframes through the frames that follow, on the descriptor grid.
 * Takes ownership of the stored frames it is given.
 */
export class LabelPropagator {
	readonly #settings: PropagationSettings;
	readonly #memory: Memory;
	readonly #voter: Voter;

	/** @param voter the one that stored the frames; it stays open when the propagator is closed */
	constructor(voter: Voter, settings: PropagationSettings) {
		this.#voter = voter;
		this.#settings = settings;
		this.#memory = new Memory(settings.recentFrames);
	}

	/** A frame whose labels are given. */
	addKeyframe(descriptors: StoredFrame, labels: SoftLabels): void {
		this.#memory.addKeyframe({ descriptors, labels });
	}

	/** The labels of the next frame in time. */
	vote(descriptors: StoredFrame): Promise<Vote> {
		const { keyframeRadius, radius } = this.#settings;
		const witnesses = (frames: readonly RememberedFrame[], reach: number | null): Witness[] =>
			frames.map((frame) => ({ frame: frame.descriptors, labels: frame.labels, radius: reach }));
		const { keyframes, recent } = this.#memory;
		return this.#voter.vote(descriptors, witnesses(keyframes, keyframeRadius), witnesses(recent, radius));
	}

	/**
	 * Adds a propagated frame to the recent ones.
	 *
	 * @param labels undefined where the voter has them, or will have them before the next vote
	 */
	remember(descriptors: StoredFrame, labels: SoftLabels | undefined): void {
		this.#memory.addRecent({ descriptors, labels });
	}

	close(): void {
		this.#memory.clear();
	}
}
