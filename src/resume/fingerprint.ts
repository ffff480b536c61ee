import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Keyframe } from '../corrections/keyframe.js';
import type { Clip } from '../media/clip.js';

/** Bytes read at each of the beginning, the middle and the end of a file. */
const sampleBytes = 1 << 16;

/** SHA-256, in hexadecimal, of anything that JSON can say. */
export const fingerprint = (value: unknown): string =>
	createHash('sha256').update(JSON.stringify(value)).digest('hex');

/** Of the painted masks' frames, sizes, ids and palettes, however the files store them. */
export const fingerprintMasks = (keyframes: readonly Keyframe[]): string => {
	const hash = createHash('sha256');
	for (const { frame, mask } of keyframes) {
		hash.update(`${frame}:${mask.width}x${mask.height}`).update(mask.ids).update(mask.palette);
	}
	return hash.digest('hex');
};

/**
 * Tells clips apart without reading hours of video: size and three samples of a file, or names and sizes of still
 * images and samples of the first and last. Where the clip lies does not matter.
 */
export const fingerprintClip = async ({ files }: Pick<Clip, 'files'>): Promise<string> => {
	const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
	const names = files.length > 1 ? files.map((file) => basename(file)) : [];
	const ends = [...new Set([files[0], files.at(-1)])].filter((file) => file !== undefined);
	return fingerprint({ sizes, names, samples: await Promise.all(ends.map(sampleFile)) });
};

const sampleFile = async (path: string): Promise<string> => {
	const hash = createHash('sha256');
	const file = await open(path);
	try {
		const { size } = await file.stat();
		for (const at of [0, Math.floor(size / 2), Math.max(0, size - sampleBytes)]) {
			const { bytesRead, buffer } = await file.read(Buffer.alloc(sampleBytes), 0, sampleBytes, at);
			hash.update(buffer.subarray(0, bytesRead));
		}
	} finally {
		await file.close();
	}
	return hash.digest('hex');
};
