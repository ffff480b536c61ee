import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { throwIfAborted, UserError } from '../errors.js';
import { handled } from '../handled.js';
import type { DecodeOptions } from './decode.js';
import type { ClipInfo, Frame, Raster } from './frame.js';
import { FramePool } from './frame-pool.js';
import { imageSize, readImage } from './image.js';
import type { Position } from './position.js';

/** Still images that are the frames of a clip, in order. */
export type ImageSequence = {
	/** The folder or pattern as given. */
	readonly path: string;
	readonly files: readonly string[];
	readonly info: ClipInfo;
};

const imageName = /\.(png|jpe?g|webp|tiff?|avif|gif|bmp)$/i;

/** Frames a second of a folder of images, where nobody says otherwise; as ffmpeg's. */
const defaultFrameRate = 25;

/** True for a pattern of file names: `shots/*.jpg`, `shots/frame?.png` or `shots/%05d.png`. */
export const isImagePattern = (input: string): boolean => /[*?]|%0?\d*d/.test(basename(input));

/**
 * The images of a folder, or those that match a pattern in their last path component, in natural order (`frame2` before
 * `frame10`). Whatever number the first has, it is frame 0.
 *
 * @throws UserError when there are none, one cannot be read, or they are not all of one size.
 */
export const openImageSequence = async (
	input: string,
	frameRate: number = defaultFrameRate,
): Promise<ImageSequence> => {
	const pattern = isImagePattern(input) ? patternOf(basename(input)) : undefined;
	const folder = pattern ? dirname(input) : input;
	const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
		throw new UserError(
			error.code === 'ENOENT'
				? `"${folder}" does not exist; check the path.`
				: `"${folder}" cannot be opened (${error.code}); check its permissions.`,
		);
	});
	const files = names
		.filter((name) => imageName.test(name) && !name.startsWith('.') && (pattern?.test(name) ?? true))
		.sort(naturalOrder)
		.map((name) => join(folder, name));
	const [first] = files;
	if (first === undefined) {
		throw new UserError(
			`"${input}" holds no images; give a video file, or a folder of PNG, JPEG, WebP or TIFF frames.`,
		);
	}

	const size = await imageSize(first);
	for (const file of files) {
		const { width, height } = await imageSize(file);
		if (width !== size.width || height !== size.height) {
			throw new UserError(
				`"${file}" is ${width}×${height}, but "${basename(first)}" is ${size.width}×${size.height}; all frames of a clip must be of one size.`,
			);
		}
	}
	return {
		path: input,
		files,
		info: {
			...size,
			frameRate,
			estimatedFrames: files.length,
			durationSeconds: files.length / frameRate,
			hasAudio: false,
		},
	};
};

/** The images as frames; the next one is read while the present one is worked on. */
export async function* readImageFrames(
	sequence: ImageSequence,
	{ start, end, signal, pool = new FramePool() }: DecodeOptions = {},
): AsyncGenerator<Frame, void, void> {
	const { frameRate } = sequence.info;
	const from = start ? frameNumber(start, frameRate) : 0;
	const files = sequence.files.slice(from, end ? frameNumber(end, frameRate) : undefined);
	if (files.length === 0) {
		throw new UserError(
			`"${sequence.path}" has no frame in the given range; it has ${sequence.files.length} frames.`,
		);
	}

	const read = (at: number) => {
		const file = files[at];
		return file === undefined ? undefined : handled(readImage(file));
	};
	let next = read(0);
	for (let index = 0; next; index++) {
		throwIfAborted(signal);
		const image = await next;
		next = read(index + 1);
		yield { index, timeSeconds: (from + index) / frameRate, image: shared(image, pool) };
	}
}

/** The same image where all threads can see it. */
const shared = (image: Raster<3>, pool: FramePool): Raster<3> => {
	const data = pool.take(image.data.length);
	data.set(image.data);
	return { ...image, data };
};

const frameNumber = (position: Position, frameRate: number): number =>
	// Of the frames at n / rate, the first that is not before the time; the small term absorbs 0.3 * 10 = 3.0000000000000004.
	'frame' in position ? position.frame : Math.ceil(position.seconds * frameRate - 1e-6);

const naturalOrder = new Intl.Collator('en', { numeric: true }).compare;

const patternOf = (text: string): RegExp => {
	const source = text.replace(/%0?\d*d|[*?]|[.+^${}()|[\]\\]/g, (part) => {
		if (part.startsWith('%')) {
			return '\\d+';
		}
		return part === '*' ? '.*' : part === '?' ? '.' : `\\${part}`;
	});
	return new RegExp(`^${source}$`);
};
