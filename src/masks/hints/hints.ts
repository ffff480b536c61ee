import type { Point } from '../../core/point.js';

/** A line through points in pixels, centres at integers; a click is a stroke of one point. */
export type Stroke = readonly Point[];

/** What somebody says of an image. */
export type Hints = {
	/** On the object. */
	readonly object: readonly Stroke[];
	/** On what is not the object. */
	readonly background: readonly Stroke[];
	/** Left, top, right, bottom in pixels, all of them within: nothing of the object is outside. */
	readonly box?: readonly [number, number, number, number] | undefined;
	/** [height * width] what has been marked so far, 1 on the object: strokes correct it. */
	readonly mask?: Uint8Array | undefined;
	/** Of the mask, all stays that does not hang together with what strokes change: somebody has painted it. */
	readonly keep?: boolean | undefined;
};
