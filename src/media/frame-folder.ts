import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.js';
import { writeFailure } from './atomic-file.js';
import type { Existing } from './video-sink.js';

/** The name of a frame's picture: `00000.png`, `00001.png`, … as in the DAVIS data set. */
export const frameFileName = (index: number): string => `${String(index).padStart(5, '0')}.png`;

const frameFile = /^\d{5,}\.png$/;

/** A folder with a picture for each frame. */
export type FrameFolder = {
	/** Names of the frames that were there before. */
	readonly present: readonly string[];
	/** Ends the work: when overwriting, frames of a longer clip go, which would pass for this one's. */
	finish(written: ReadonlySet<string>): Promise<void>;
};

/**
 * @throws UserError when the folder cannot be made, or holds frames already and `existing` is `refuse`
 */
export const openFrameFolder = async (folder: string, existing: Existing): Promise<FrameFolder> => {
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
	return {
		present,
		finish: async (written) => {
			const others = existing === 'overwrite' ? present.filter((name) => !written.has(name)) : [];
			await Promise.all(others.map((name) => rm(join(folder, name), { force: true })));
		},
	};
};
