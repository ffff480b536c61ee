import type { VideoSinkOptions } from './ffmpeg-video-sink.js';
import type { FrameNotes } from './frame-folder.js';
import type { Existing } from './video-sink.js';

export type SinkOptions = VideoSinkOptions & {
	/** What to do with output that is there already. Default: refuse. */
	readonly existing?: Existing | undefined;
	/** What an earlier run is known to have left in a folder of frames, and where to write down what is made. */
	readonly notes?: FrameNotes | undefined;
	/** Ids of all objects that may occur, for formats that tell objects apart. */
	readonly objects?: readonly number[] | undefined;
	/** What a project file refers to. */
	readonly project?: ProjectMedia | undefined;
};

/** The videos that a project file puts on its tracks. */
export type ProjectMedia = {
	/** The clip that the results belong to. */
	readonly clip: string;
	/** Its cut-out or matte, made in the same run. */
	readonly layer: { readonly path: string; readonly shows: 'cut-out' | 'matte' };
};
