import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { davisPalette } from '../../src/media/davis-palette.js';
import { writeIndexedPng } from '../../src/media/indexed-png.js';
import { makeClip } from './ffmpeg.js';

export type BoxClip = { readonly clip: string; readonly mask: string };

/** A small clip of test patterns, `frames` long, and a mask of its first frame: a box that is object 1. */
export const makeBoxClip = async (folder: string, frames = 16, size = '96x64'): Promise<BoxClip> => {
	const clip = await makeClip(
		join(folder, 'clip.mp4'),
		`testsrc2=s=${size}:r=25:d=${frames / 25}`,
		...['-pix_fmt', 'yuv420p'],
	);
	const [width = 0, height = 0] = size.split('x').map(Number);
	return { clip, mask: await makeBoxMask(join(folder, 'mask.png'), width, height) };
};

/** A box in the middle of a picture: object 1. */
export const makeBoxMask = async (path: string, width: number, height: number): Promise<string> => {
	const ids = new Uint8Array(width * height);
	for (let y = Math.floor(height / 4); y < Math.ceil((height * 3) / 4); y++) {
		ids.fill(1, y * width + Math.floor(width / 4), y * width + Math.ceil((width * 3) / 4));
	}
	await writeIndexedPng(path, { width, height, ids, palette: davisPalette });
	return path;
};

/** The same as a folder of PNGs: it is read without starting ffmpeg. */
export const makeBoxFrames = async (folder: string, frames: number): Promise<BoxClip> => {
	const [width, height] = [96, 64];
	const clip = join(folder, `${frames} frames`);
	await mkdir(clip);
	for (let frame = 0; frame < frames; frame++) {
		const data = Uint8Array.from({ length: width * height * 3 }, (_, at) => {
			const [x, y] = [Math.floor(at / 3) % width, Math.floor(at / 3 / width)];
			return 128 + 100 * Math.sin((x - frame) * 0.3 + (at % 3)) * Math.cos(y * 0.2 + frame * 0.05);
		});
		const image = sharp(data, { raw: { width, height, channels: 3 } });
		await image.png().toFile(join(clip, `${String(frame).padStart(5, '0')}.png`));
	}
	return { clip, mask: await makeBoxMask(join(folder, 'mask.png'), width, height) };
};
