import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFailure } from './atomic-file.js';
import { frameFileName, openFrameFolder } from './frame-folder.js';
import { writeIndexedPng } from './indexed-png.js';
import type { Existing, VideoSink } from './video-sink.js';

/**
 * How many frames from the first on are finished in a folder: the place to resume at. Frames are renamed into place, so
 * one that is there is complete.
 */
export const finishedFrames = async (folder: string): Promise<number> => {
	const names = new Set(await readdir(folder).catch((): string[] => []));
	let count = 0;
	while (names.has(frameFileName(count))) {
		count++;
	}
	return count;
};

/**
 * A folder of indexed PNGs, one for each frame, with the ids and palette of the mask.
 *
 * @throws UserError when the folder cannot be made, or holds frames already and `existing` is `refuse`.
 */
export const openPngSequence = async (folder: string, existing: Existing): Promise<VideoSink> => {
	const { finish } = await openFrameFolder(folder, existing);
	// Before any work is done, see whether the folder takes files at all.
	await tryWriting(folder);

	const written = new Set<string>();
	return {
		write: async ({ frame, labels }) => {
			const name = frameFileName(frame.index);
			await writeIndexedPng(join(folder, name), labels);
			written.add(name);
		},
		finish: () => finish(written),
		abort: async () => {},
	};
};

const tryWriting = async (folder: string): Promise<void> => {
	const trial = join(folder, '.propagate-trial');
	try {
		await writeFile(trial, '');
		await rm(trial);
	} catch (error) {
		throw writeFailure(folder, error);
	}
};
