import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.js';
import { writeFailure } from './atomic-file.js';
import { writeImage } from './image.js';
import { frameFileName } from './png-sequence-sink.js';
import type { Existing, VideoSink } from './video-sink.js';

const frameFile = /^\d{5,}\.png$/;

/**
 * A folder of the edited frames, one RGB PNG for each. With `resume`, frames that are there stay as they are.
 *
 * @throws UserError when the folder cannot be made, or holds frames already and `existing` is `refuse`
 */
export const openEditedPngs = async (folder: string, existing: Existing): Promise<VideoSink> => {
	let present: string[];
	try {
		await mkdir(folder, { recursive: true });
		present = (await readdir(folder)).filter((name) => frameFile.test(name));
	} catch (error) {
		throw writeFailure(folder, error);
	}
	if (present.length > 0 && existing === 'refuse') {
		throw new UserError(
			`"${folder}" holds ${present.length} frames already; choose another folder, or add --overwrite or --resume.`,
		);
	}
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
		finish: async () => {
			if (existing === 'overwrite') {
				// Frames of a longer clip would pass for this one's.
				await Promise.all(
					present.filter((name) => !written.has(name)).map((name) => rm(join(folder, name), { force: true })),
				);
			}
		},
		abort: async () => {},
	};
};
