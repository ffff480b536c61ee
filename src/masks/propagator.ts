import type { LabelMap, Raster } from '../core/frame.js';
import type { Size } from '../core/size.js';

/** Masks of one frame as a pass has found them: plain data, which is kept on disk as it is. */
export type PassMasks = {
	/** How far they can be trusted, 0..1. */
	readonly confidence: number;
};

/** A frame of a pass that an earlier run has done. */
export type DoneFrame = { readonly frame: number; readonly confidence: number };

/** The start of a pass. */
export type PassStart = {
	/** The painted frame where it starts. */
	readonly frame: number;
	/** Ids of all objects of the run; not all of them need be on the painted frame. */
	readonly objects: readonly number[];
	/** Frames that an earlier run of the pass has done, in its order. */
	readonly done: readonly DoneFrame[];
	/** Frames before it whose masks other passes have found: what the objects look like in more moments than the painted ones. */
	readonly known?: readonly DoneFrame[] | undefined;
};

/**
 * Carries masks from painted frames into the frames that follow: `begin`, `remember` the frames whose masks are known, then `next` for one
 * frame after the other. It remembers what it needs of a pass itself, and its memory does not grow with the pass. There is one pass at a time.
 *
 * What is remembered is exactly what is given out, so that a pass that goes on from stored masks finds what it would have found.
 */
export interface Propagator<Description = unknown, Masks extends PassMasks = PassMasks> {
	/** Equal where masks are: of all that they depend on besides frames, painted masks, model and device. */
	readonly identity: string;

	/** What is known of a frame whatever its objects; may run ahead of the pass. @param image sRGB, as displayed */
	describe(image: Raster<3>): Promise<Description>;

	/**
	 * Starts a pass and forgets the one before.
	 *
	 * @returns which of the frames that are known or done it needs to go on: to be remembered behind the painted ones, in this order
	 */
	begin(start: PassStart): Promise<readonly number[]>;

	/**
	 * A frame whose masks are known: painted (the one where the pass starts is the first), or found by an earlier run of the pass,
	 * or by another pass.
	 *
	 * @param described is given away
	 */
	remember(frame: number, described: Description, masks: LabelMap | Masks): Promise<void>;

	/** The masks of the pass's next frame, which may be asked for before those of the last have come. @param described is given away */
	next(frame: number, described: Description, image: Raster<3>): Promise<Masks>;

	/** The mean of what two passes have found for a frame. @param share 0..1: the second one's */
	blend(a: Masks, b: Masks, share: number, image: Raster<3>): Promise<Masks>;

	/** [height * width] the object that owns each pixel of a frame. */
	idsOf(masks: Masks, objects: readonly number[], size: Size): Uint8Array;

	close(): Promise<void>;
}
