import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { ffmpeg } from '../helpers/ffmpeg.js';

const sample = fileURLToPath(new URL('../../samples/bear', import.meta.url));

/** The command that plugins run in tests where only the host counts. */
export const truthEngine = ['node', fileURLToPath(new URL('truth-engine.mjs', import.meta.url))];

/** The command of this package, as built. */
export const realEngine = ['node', fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))];

export const width = 320;
export const height = 180;

/** The start of the bear sample, small, in `folder`: the clip, its first mask and all true masks. */
export const smallBear = async (folder: string, frames = 30) => {
	const clip = join(folder, 'bear.mp4');
	const truth = join(folder, 'truth');
	mkdirSync(truth);
	const scale = `scale=${width}:${height}`;
	const count = ['-frames:v', String(frames)];
	const codec = ['-c:v', 'libx264', '-crf', '4', '-pix_fmt', 'yuv420p'];
	await ffmpeg('-i', join(sample, 'clip.mp4'), '-an', '-vf', scale, ...count, ...codec, clip);
	const masks = join(sample, 'truth', '%05d.png');
	await ffmpeg(
		'-i',
		masks,
		'-vf',
		`${scale}:flags=neighbor`,
		...count,
		'-start_number',
		'0',
		join(truth, '%05d.png'),
	);
	return { clip, truth, mask: join(truth, '00000.png') };
};

/** Frame `index` of a video as RGB, decoded by ffmpeg. */
export const decodedFrame = async (path: string, index: number): Promise<Buffer> => {
	const one = `select=eq(n\\,${index}),scale=${width}:${height}`;
	return ffmpeg('-i', path, '-vf', one, '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-');
};

export const pixels = async (path: string, channels: 3 | 4): Promise<Buffer> => {
	const image = channels === 4 ? sharp(path).ensureAlpha() : sharp(path).removeAlpha();
	return image.toColourspace('srgb').raw().toBuffer();
};

/** True where the mask has an object. */
export const objectPixels = async (maskPath: string): Promise<boolean[]> => {
	const rgb = await pixels(maskPath, 3);
	return Array.from({ length: rgb.length / 3 }, (_, pixel) => (rgb[pixel * 3] ?? 0) > 0);
};

/**
 * Mean absolute difference per channel of a picture from the clip's frame inside the object and from a colour outside.
 * Pixels at the object's border, which scaling and chroma subsampling blend, are left out.
 */
export const compareComposite = (
	picture: Buffer,
	frame: Buffer,
	object: readonly boolean[],
	background: readonly [number, number, number],
): { inside: number; outside: number } => {
	const sums = { inside: 0, outside: 0 };
	const counts = { inside: 0, outside: 0 };
	const same = (pixel: number): boolean =>
		[-2, -1, 1, 2].every(
			(step) => object[pixel + step] === object[pixel] && object[pixel + step * width] === object[pixel],
		);
	for (let pixel = 0; pixel < object.length; pixel++) {
		if (!same(pixel)) {
			continue;
		}
		const part = object[pixel] ? 'inside' : 'outside';
		for (let channel = 0; channel < 3; channel++) {
			const at = pixel * 3 + channel;
			const expected = (object[pixel] ? frame[at] : background[channel]) ?? 0;
			sums[part] += Math.abs((picture[at] ?? 0) - expected);
			counts[part]++;
		}
	}
	return { inside: sums.inside / counts.inside, outside: sums.outside / counts.outside };
};

/** All frames of a video as RGB, decoded by ffmpeg. */
export const decodedFrames = async (path: string): Promise<Buffer[]> => {
	const scale = `scale=${width}:${height}`;
	const all = await ffmpeg('-i', path, '-vf', scale, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-');
	const size = width * height * 3;
	return Array.from({ length: all.length / size }, (_, index) =>
		all.subarray(index * size, (index + 1) * size),
	);
};

/** Where a composite shows something else than its background. */
export const objectOver = (picture: Buffer, background: readonly [number, number, number]): boolean[] =>
	Array.from({ length: picture.length / 3 }, (_, pixel) =>
		background.some((value, channel) => Math.abs((picture[pixel * 3 + channel] ?? 0) - value) > 90),
	);

/** Intersection over union. */
export const overlap = (a: readonly boolean[], b: readonly boolean[]): number => {
	const both = a.filter((value, at) => value && b[at]).length;
	const either = a.filter((value, at) => value || b[at]).length;
	return both / either;
};
