import { encodeImage } from '../media/image.js';
import { FrameFolder, type FrameNotes, frameFileName } from './frame-folder.js';
import type { Existing, VideoSink } from './video-sink.js';

/**
 * A folder of the edited frames, one RGB PNG for each. Frames that the notes keep stay as they are.
 *
 * @throws UserError as {@link FrameFolder.open}
 */
export const openEditedPngs = async (
	path: string,
	existing: Existing,
	notes?: FrameNotes,
): Promise<VideoSink> => {
	const folder = await FrameFolder.open(path, existing, notes);
	return {
		write: async ({ frame, edited }) => {
			const name = frameFileName(frame.number ?? frame.index);
			if (!folder.keeps(name)) {
				await folder.write(name, await encodeImage('png', edited ?? frame.image));
			}
		},
		finish: () => folder.finish(),
		abort: () => folder.abort(),
	};
};
