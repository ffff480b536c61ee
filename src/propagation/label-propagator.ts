import type { NormalisedDescriptors } from '../correspondence/descriptor-bank.js';
import type { GridSize } from '../correspondence/tiles.js';
import { WindowMatcher } from '../correspondence/window-matcher.js';
import type { Runtime } from '../runtime/session.js';
import { Memory } from './memory.js';
import type { PropagationSettings } from './settings.js';
import type { SoftLabels } from './soft-labels.js';
import { type Vote, vote, type Witness } from './vote.js';

/**
 * Carries soft labels from keyframes through the frames that follow, on the descriptor grid.
 * Takes ownership of the descriptors it is given.
 */
export class LabelPropagator {
	readonly #settings: PropagationSettings;
	readonly #memory: Memory;
	readonly #keyframeMatcher: WindowMatcher;
	readonly #recentMatcher: WindowMatcher;

	private constructor(
		settings: PropagationSettings,
		keyframeMatcher: WindowMatcher,
		recentMatcher: WindowMatcher,
	) {
		this.#settings = settings;
		this.#memory = new Memory(settings.recentFrames);
		this.#keyframeMatcher = keyframeMatcher;
		this.#recentMatcher = recentMatcher;
	}

	/** @param grid size of the descriptor maps of this clip */
	static async open(
		runtime: Runtime,
		grid: GridSize,
		settings: PropagationSettings,
	): Promise<LabelPropagator> {
		const matcher = (radius: number | null) =>
			WindowMatcher.open(runtime, grid, radius ?? Number.POSITIVE_INFINITY, settings.topK);
		return new LabelPropagator(
			settings,
			await matcher(settings.keyframeRadius),
			await matcher(settings.radius),
		);
	}

	/** A frame whose labels are given. */
	addKeyframe(descriptors: NormalisedDescriptors, labels: SoftLabels): void {
		this.#memory.addKeyframe({ descriptors, labels });
	}

	/** The labels of the next frame in time, voted by the remembered frames. */
	async vote(descriptors: NormalisedDescriptors): Promise<Vote> {
		const witnesses: Witness[] = [];
		for (const frame of this.#memory.keyframes) {
			const matches = await this.#keyframeMatcher.match(descriptors, frame.descriptors);
			witnesses.push({ matches, labels: frame.labels });
		}
		for (const frame of this.#memory.recent) {
			const matches = await this.#recentMatcher.match(descriptors, frame.descriptors);
			witnesses.push({ matches, labels: frame.labels });
		}
		return vote(witnesses, this.#settings.topK, this.#settings.temperature);
	}

	/** Adds a propagated frame to the recent ones. */
	remember(descriptors: NormalisedDescriptors, labels: SoftLabels): void {
		this.#memory.addRecent({ descriptors, labels });
	}

	async close(): Promise<void> {
		this.#memory.clear();
		await this.#keyframeMatcher.close();
		await this.#recentMatcher.close();
	}
}
