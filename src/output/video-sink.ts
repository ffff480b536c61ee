import type { WrittenFile } from '../core/atomic-file.js';
import type { Frame, LabelMap, Raster } from '../core/frame.js';
import type { Mattes } from '../mattes/mattes.js';

/** Everything that may be known of one frame when it is written; each format takes what it shows. */
export type FrameResult = {
	readonly frame: Frame;
	readonly labels: LabelMap;
	/** How opaque the objects are; without it they are opaque where the labels have them, and nowhere else. */
	readonly mattes?: Mattes | undefined;
	/** The frame with the edit in it, for formats that show the edit. */
	readonly edited?: Raster<3> | undefined;
};

/** Where results go, frame by frame in order. After `finish` or `abort` it is spent. */
export type VideoSink = {
	/** Takes a frame; resolves when there is room for another. The frame's pixels must not be changed afterwards. */
	write(result: FrameResult): Promise<void>;
	/** Completes the output under its own name. @returns the files that it consists of */
	finish(): Promise<readonly WrittenFile[]>;
	/** Gives up: a video vanishes, the frames of a sequence that are complete stay. */
	abort(): Promise<void>;
};

/** What to do with output that is there already. */
export type Existing =
	/** Refuse with a `UserError`. */
	| 'refuse'
	| 'overwrite'
	/** Keep finished frames and add to them. A video cannot be continued: it is made anew. */
	| 'resume';
