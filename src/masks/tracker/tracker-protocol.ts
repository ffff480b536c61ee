import type { Tensor } from '../../runtime/tensor.js';
import type { PassStart } from '../propagator.js';

/**
 * Outputs of `encode.onnx`, float32 [1, C, h, w]: what a tracker knows of a frame, whatever the objects. `value8` is what the image adds to
 * what `memorise.onnx` makes of an object, `decode…` what it adds in the layers of `step.onnx`, by stride.
 */
export const mapNames = ['value8', 'decode8', 'decode16', 'decode4', 'decode2', 'key', 'descriptor'] as const;
export type FrameMaps = Readonly<Record<(typeof mapNames)[number], Tensor>>;

/** What the main thread asks of the tracker's worker. */
export type TrackerRequest =
	/** Starts a pass at a painted frame; what was remembered is forgotten. Answered with the frames to be remembered beside the painted ones. */
	| { readonly kind: 'begin'; readonly start: PassStart }
	/** A frame whose masks are known: painted ones first, the pass's own before the others; then those that `begin` has asked for. */
	| {
			readonly kind: 'remember';
			readonly frame: number;
			readonly painted: boolean;
			readonly maps: FrameMaps;
			/** As the data of a `SoftMask`. */
			readonly mask: Uint8Array;
			/** What similarities of the frame's descriptors are multiplied with; that of the pass's own painted frame counts. */
			readonly gain: number;
	  }
	/** Tracks the objects into the next frame of the pass. */
	| { readonly kind: 'next'; readonly frame: number; readonly maps: FrameMaps };

/** The answer to `next`. */
export type TrackedFrame = {
	/** As the data of a `SoftMask`. */
	readonly mask: Uint8Array;
	/** The overlap (intersection over union) with the truth to be expected, 0..1, the mean over the objects; see training/tracker.py. */
	readonly confidence: number;
};

export type TrackerReply = TrackedFrame | readonly number[] | undefined;

export type TrackerSettings = {
	readonly step: string;
	readonly memorise: string;
	readonly device: string;
	readonly threads: number | undefined;
};
