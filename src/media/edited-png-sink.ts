import { join } from 'node:path';
import { frameFileName, openFrameFolder } from './frame-folder.js';
import { writeImage } from './image.js';
import type { Existing, VideoSink } from './video-sink.js';

/**
 * A folder of the edited frames, one RGB PNG for each. With `resume`, frames that are there stay as they are.
 *
 * @throws UserError when the folder cannot be made, or holds frames already and `existing` is `refuse`
 */
export const openEditedPngs = async (folder: string, existing: Existing): Promise<VideoSink> => {
	const { present, finish } = await openFrameFolder(folder, existing);
	const kept = new Set(existing === 'resume' ? present : []);
	const written = new Set<string>();
	return {
		write: async ({ frame, edited }) => {
			const name = frameFileName(frame.index);
			if (!kept.has(name)) {
				await writeImage(join(folder, name), edited ?? frame.image);
			}
			written.add(name);
		},
		finish: () => finish(written),
		abort: async () => {},
	};
};
