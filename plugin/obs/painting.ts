import { randomUUID } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import sharp from 'sharp';
import { ObsError } from './obs-error.js';

/**
 * Under the half that makes a pixel part of the object, but enough to see what one paints on: whatever is painted over
 * the picture is opaque, and so is the mask.
 */
const FAINT_ALPHA = 90;

/** Twice a frame of 16K. */
const MOST_PIXELS = 2 ** 28;

/** Drawings and all else that could be decoded are not asked for. */
const isPng = (bytes: Uint8Array): boolean =>
	Buffer.from(bytes.subarray(0, 8)).toString('latin1') === '\x89PNG\r\n\x1a\n';

const notAPicture = (cause?: unknown): ObsError =>
	new ObsError('What was given as a picture is no PNG that can be read; check --address, or update OBS.', {
		cause,
	});

/** Saves a picture as a faint PNG to paint the object on, in any paint program, and to give back as the mask. */
export const saveToPaintOn = async (picture: Uint8Array, path: string): Promise<void> => {
	if (!isPng(picture)) {
		throw notAPicture();
	}
	const png = await sharp(picture, { limitInputPixels: MOST_PIXELS })
		.removeAlpha()
		.ensureAlpha(FAINT_ALPHA / 255)
		.png()
		.toBuffer()
		.catch((error: unknown) => {
			throw notAPicture(error);
		});
	// Under a name of its own until it is whole, and never through a link.
	const partial = join(dirname(path), `.${basename(path)}.${randomUUID()}.partial`);
	await writeFile(partial, png, { flag: 'wx', flush: true });
	await rename(partial, path);
};

/** Whether somebody has painted on the picture: anything is opaque. */
export const isPainted = async (path: string): Promise<boolean> => {
	try {
		const { channels } = await sharp(path).stats();
		return (channels[3]?.max ?? 0) >= 128;
	} catch {
		// The paint program is in the middle of saving.
		return false;
	}
};
