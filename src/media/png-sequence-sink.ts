import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.js';
import { writeFailure } from './atomic-file.js';
import { writeIndexedPng } from './indexed-png.js';
import type { Existing, VideoSink } from './video-sink.js';

/** The name of a frame's mask: `00000.png`, `00001.png`, … as in the DAVIS data set. */
export const frameFileName = (index: number): string => `${String(index).padStart(5, '0')}.png`;

const frameFile = /^\d{5,}\.png$/;

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
	let present: string[];
	try {
		await mkdir(folder, { recursive: true });
		present = (await readdir(folder)).filter((name) => frameFile.test(name));
	} catch (error) {
		throw writeFailure(folder, error);
	}
	if (present.length > 0 && existing === 'refuse') {
		throw new UserError(
			`"${folder}" holds ${present.length} ${present.length === 1 ? 'frame' : 'frames'} already; choose another folder, or add --overwrite or --resume.`,
		);
	}
	// Before any work is done, see whether the folder takes files at all.
	await tryWriting(folder);

	const written = new Set<string>();
	return {
		write: async ({ frame, labels }) => {
			const name = frameFileName(frame.index);
			await writeIndexedPng(join(folder, name), labels);
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

const tryWriting = async (folder: string): Promise<void> => {
	const trial = join(folder, '.propagate-trial');
	try {
		await writeFile(trial, '');
		await rm(trial);
	} catch (error) {
		throw writeFailure(folder, error);
	}
};
