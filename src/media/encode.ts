import { openFfmpegVideoSink, type VideoSinkOptions } from './ffmpeg-video-sink.js';
import type { OutputChoice } from './output-format.js';
import { openPngSequence } from './png-sequence-sink.js';
import type { Existing, VideoSink } from './video-sink.js';

export type SinkOptions = VideoSinkOptions & {
	/** What to do with output that is there already. Default: refuse. */
	readonly existing?: Existing | undefined;
};

/**
 * Opens the place where results go; `choice` comes from `resolveFormat`.
 *
 * Frames keep their times in the source. For an excerpt give `beginSeconds`, the time of its first frame: the output
 * then begins at 0, and so does the sound.
 *
 * @throws UserError when the place is taken or cannot be written, before any frame is.
 */
export const openSink = async (choice: OutputChoice, options: SinkOptions): Promise<VideoSink> => {
	const existing = options.existing ?? 'refuse';
	return choice.kind === 'png'
		? openPngSequence(choice.path, existing)
		: openFfmpegVideoSink(choice.path, choice.format, existing, options);
};
