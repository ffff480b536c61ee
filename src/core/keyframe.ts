import type { LabelMap } from './frame.js';

/** A frame whose mask a person has painted; it comes back as it is. */
export type Keyframe = {
	/** From 0, among the frames of the run. */
	readonly frame: number;
	/** Everything that is to be seen on that frame; an object it leaves out is not there. */
	readonly mask: LabelMap;
};

/** The way through time in which masks are carried from a keyframe. */
export type Direction = 'forward' | 'backward';
