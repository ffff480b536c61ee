import type { Frame } from '../core/frame.js';
import type { FrameNames } from '../media/frame-names.js';
import { FrameFolder, type FrameNotes } from './frame-folder.js';
import type { Existing, FrameResult, VideoSink } from './video-sink.js';

export type FrameSequenceOptions = {
	readonly existing?: Existing | undefined;
	readonly notes?: FrameNotes | undefined;
	/** Of a frame in its file's name; where it is left out, that of the source, or frames are counted from 0. */
	readonly numberOf?: ((frame: Frame, names: FrameNames) => number) | undefined;
};

/**
 * A picture for each frame, in files of their own. Frames that the notes keep stay as they are.
 *
 * @param encode the file of a frame
 * @throws UserError as {@link FrameFolder.open}
 */
export const openFrameSequence = async (
	names: FrameNames,
	encode: (result: FrameResult) => Promise<Uint8Array>,
	{ existing = 'refuse', notes, numberOf = ({ number, index }) => number ?? index }: FrameSequenceOptions,
): Promise<VideoSink> => {
	const folder = await FrameFolder.open(names, existing, notes);
	return {
		write: async (result) => {
			const name = names.nameOf(numberOf(result.frame, names));
			if (!folder.keeps(name)) {
				await folder.write(name, await encode(result));
			}
		},
		finish: () => folder.finish(),
		abort: () => folder.abort(),
	};
};
