import type { Tensor } from '../runtime/tensor.js';

/** Outputs of `encode.onnx`, float32 [1, C, h, w]: what a tracker knows of a frame, whatever the objects. */
export const mapNames = ['f2', 'p4', 'p8', 'p16', 'key', 'descriptor'] as const;
export type FrameMaps = Readonly<Record<(typeof mapNames)[number], Tensor>>;

/** What the main thread asks of the tracker's worker. */
export type TrackerRequest =
	/**
	 * Starts a pass at a painted frame; what was remembered is forgotten. `history`: frames of the pass that an earlier run has done, in
	 * its order; those that their plan keeps are given by `remember`.
	 */
	| {
			readonly kind: 'begin';
			readonly frame: number;
			readonly objects: number;
			readonly history: readonly DoneFrame[];
	  }
	/** A frame whose masks are known: painted ones first, the pass's own before the others; then what a pass had kept that goes on. */
	| {
			readonly kind: 'remember';
			readonly role: 'painted' | 'kept' | 'last';
			readonly frame: number;
			readonly maps: FrameMaps;
			readonly mask: Uint8Array;
			/** What similarities of the frame's descriptors are multiplied with; that of the pass's own painted frame counts. */
			readonly gain: number;
	  }
	/** Tracks the objects into the next frame of the pass. */
	| { readonly kind: 'next'; readonly frame: number; readonly maps: FrameMaps };

/** A frame that a pass has been through, and the mean of its masks' estimated qualities. */
export type DoneFrame = { readonly frame: number; readonly quality: number };

/** The answer to `next`. */
export type TrackedFrame = {
	/** As the data of a `SoftMask`. */
	readonly mask: Uint8Array;
	/** [objects] how decided each mask is, 0..1; see `decidedness` in training/tracker.py. */
	readonly quality: readonly number[];
};

export type TrackerSettings = {
	readonly step: string;
	readonly memorise: string;
	readonly device: string;
	readonly threads: number | undefined;
};
