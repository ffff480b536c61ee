import type { Size } from './size.js';

/** Where each pixel of the target takes its colour from in the source. */
export type BackwardFlow = Size & {
	/** [H * W * 2] x, y in source pixels, top-left origin, pixel centres at integers; NaN where nothing was matched. */
	readonly positions: Float32Array;
	/** [H * W] 0..1; 0 where nothing was matched. */
	readonly confidence: Float32Array;
};

/** A flow that matches nothing yet. */
export const emptyFlow = ({ width, height }: Size): BackwardFlow => ({
	width,
	height,
	positions: new Float32Array(width * height * 2).fill(Number.NaN),
	confidence: new Float32Array(width * height),
});
