import type { VideoSinkOptions } from './ffmpeg-video-sink.js';
import type { FrameSequenceOptions } from './frame-folder.js';

/** What is there already is refused unless `existing` says otherwise. */
export type SinkOptions = VideoSinkOptions &
	FrameSequenceOptions & {
		/** Ids of all objects that may occur, for formats that tell objects apart. */
		readonly objects?: readonly number[] | undefined;
		/** What the clip is called, for files that name it. */
		readonly clipName?: string | undefined;
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
