import { FrameFolder, type FrameNotes, frameFileName } from './frame-folder.js';
import type { Existing, FrameResult, VideoSink } from './video-sink.js';

/**
 * A folder with a PNG for each frame. Frames that the notes keep stay as they are.
 *
 * @param encode a frame's PNG
 * @throws UserError as {@link FrameFolder.open}
 */
export const openPngSequence = async (
	path: string,
	existing: Existing,
	encode: (result: FrameResult) => Promise<Uint8Array>,
	notes?: FrameNotes,
): Promise<VideoSink> => {
	const folder = await FrameFolder.open(path, existing, notes);
	return {
		write: async (result) => {
			const { frame } = result;
			const name = frameFileName(frame.number ?? frame.index);
			if (!folder.keeps(name)) {
				await folder.write(name, await encode(result));
			}
		},
		finish: () => folder.finish(),
		abort: () => folder.abort(),
	};
};
