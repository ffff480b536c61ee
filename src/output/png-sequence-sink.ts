import { encodeIndexedPng } from '../media/indexed-png.js';
import { FrameFolder, type FrameNotes, frameFileName } from './frame-folder.js';
import type { Existing, VideoSink } from './video-sink.js';

/**
 * A folder of indexed PNGs, one for each frame, with the ids and palette of the mask. Frames that the notes keep stay as they are.
 *
 * @throws UserError as {@link FrameFolder.open}
 */
export const openPngSequence = async (
	path: string,
	existing: Existing,
	notes?: FrameNotes,
): Promise<VideoSink> => {
	const folder = await FrameFolder.open(path, existing, notes);
	return {
		write: async ({ frame, labels }) => {
			const name = frameFileName(frame.number ?? frame.index);
			if (!folder.keeps(name)) {
				await folder.write(name, await encodeIndexedPng(labels));
			}
		},
		finish: () => folder.finish(),
		abort: () => folder.abort(),
	};
};
