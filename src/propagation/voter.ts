import type { GridSize } from '../correspondence/tiles.js';
import type { DescriptorMap } from '../hyperfeatures/descriptor-map.js';
import type { SoftLabels } from './soft-labels.js';
import type { Vote } from './vote.js';

/** A frame's descriptors, kept where they are matched. */
export type StoredFrame = {
	readonly grid: GridSize;
	/** Names the frame to the voter that stored it. */
	readonly handle: number;
	free(): void;
};

/** A remembered frame's say in a vote. */
export type Witness = {
	readonly frame: StoredFrame;
	/** Undefined where the voter has them from its own refinement; see `LabelThread`. */
	readonly labels: SoftLabels | undefined;
	/** Window radius in cells; null for no window. */
	readonly radius: number | null;
};

/** Finds where the cells of a frame were in remembered frames, and lets those vote on their labels. */
export type Voter = {
	/**
	 * Takes in a frame's descriptors; free them when they are not needed any more. All maps of a voter have one shape.
	 *
	 * @param map is given away: its buffer may move to another thread
	 */
	store(map: DescriptorMap): Promise<StoredFrame>;
	/** The same with a map from the descriptor cache; undefined when that does not have it. */
	load(file: string): Promise<StoredFrame | undefined>;
	/**
	 * What the keyframes and the recent frames say, pooled.
	 *
	 * @param keyframes at least one; all labels with the same classes
	 * @param recent none yet when nothing has been carried
	 */
	vote(query: StoredFrame, keyframes: readonly Witness[], recent: readonly Witness[]): Promise<Vote>;
	close(): Promise<void>;
};
