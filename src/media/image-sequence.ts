import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { handled } from '../core/concurrency.js';
import { OutsideClip, throwIfAborted, UserError } from '../core/errors.js';
import type { Frame, Raster } from '../core/frame.js';
import { readFailure } from '../core/given-file.js';
import type { ClipInfo } from './clip-info.js';
import type { DecodeOptions } from './decode.js';
import { FramePool } from './frame-pool.js';
import { imageSize, readImage } from './image.js';
import type { Position } from './position.js';

/** Still images that are the frames of a clip, in order. */
type ImageSequence = {
	/** The folder or pattern as given. */
	readonly path: string;
	readonly files: readonly string[];
	/** Of each file the number in its name, less one where they begin with 1; undefined when they are not numbered. */
	readonly numbers: readonly number[] | undefined;
	/** They begin with 1, so numbers are one less than in the names. */
	readonly isCountedFromOne: boolean;
	/** What is missing, or was left out. */
	readonly notes: readonly string[];
	readonly info: ClipInfo;
};

const imageName = /\.(png|jpe?g|webp|tiff?|avif|gif|bmp)$/i;

/** Frames a second of a folder of images, where nobody says otherwise; as ffmpeg's. */
const defaultFrameRate = 25;

/** True for a pattern of file names: `shots/*.jpg`, `shots/frame?.png` or `shots/%05d.png`. */
export const isImagePattern = (input: string): boolean => /[*?]|%0?\d*d/.test(basename(input));

/**
 * The images of a folder, or those that match a pattern in their last path component, in natural order (`frame2` before
 * `frame10`). In a folder of numbered frames, other images are left out; missing numbers are told, not filled.
 *
 * @throws UserError when there are none, one cannot be read, they are not all of one size, or it stays open which of
 *   several sequences is meant
 */
export const openImageSequence = async (
	input: string,
	frameRate: number = defaultFrameRate,
): Promise<ImageSequence> => {
	const pattern = isImagePattern(input) ? patternOf(basename(input)) : undefined;
	const folder = pattern ? dirname(input) : input;
	const names = await readdir(folder).catch((error: unknown) => {
		throw readFailure(`"${folder}"`, error);
	});
	const images = names
		.filter((name) => imageName.test(name) && !name.startsWith('.') && (pattern?.test(name) ?? true))
		.sort(naturalOrder);
	const {
		chosen,
		numbers,
		isCountedFromOne = false,
		notes,
	} = orderedFrames(images, folder, pattern !== undefined);
	const files = chosen.map((name) => join(folder, name));
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
		numbers,
		isCountedFromOne,
		notes,
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
		throw new OutsideClip(
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
		yield {
			...{ index, number: sequence.numbers?.[from + index] },
			timeSeconds: (from + index) / frameRate,
			image: shared(image, pool),
		};
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

/** A name without its number: what the frames of a sequence have in common. */
type Numbered = { readonly name: string; readonly family: string; readonly number: number };

/** The last number of a name, which may be followed by a word: `shot_v2_1001.png`, `img12-final.jpg`. */
const numberOf = (name: string, withExtension: boolean): Numbered | undefined => {
	const [, before, number, after = '', extension] = /^(.*?)(\d{1,15})(\D*)(\.[a-z]+)$/i.exec(name) ?? [];
	return number === undefined
		? undefined
		: { name, family: `${before}%d${after}${withExtension ? extension : ''}`, number: Number(number) };
};

const familiesOf = (names: readonly string[], withExtension: boolean): Map<string, Numbered[]> => {
	const families = new Map<string, Numbered[]>();
	for (const name of names) {
		const numbered = numberOf(name, withExtension);
		if (numbered !== undefined) {
			const family = families.get(numbered.family) ?? [];
			family.push(numbered);
			families.set(numbered.family, family);
		}
	}
	return families;
};

const hasEachOnce = (frames: readonly Numbered[]): boolean =>
	new Set(frames.map(({ number }) => number)).size === frames.length;

const orderedFrames = (
	names: readonly string[],
	folder: string,
	isChosen: boolean,
): Pick<ImageSequence, 'numbers' | 'notes'> & { chosen: readonly string[]; isCountedFromOne?: boolean } => {
	// Frames may be of several formats, but then there is one of each number.
	const mixed = familiesOf(names, false);
	const families = [...mixed.values()].every(hasEachOnce) ? mixed : familiesOf(names, true);
	const [largest = [], second = []] = [...families.values()].sort((a, b) => b.length - a.length);
	const unnumbered = { chosen: names, numbers: undefined, notes: [] };
	if (largest.length < 2 || largest.length < names.length / 2 || !hasEachOnce(largest)) {
		// A pattern says what is meant. So do names that are no series at all: times of day, words.
		return isChosen || second.length < 2 || second.length < names.length / 4
			? unnumbered
			: several(folder, largest, second);
	}
	if (!isChosen && second.length >= 2 && second.length >= names.length / 4) {
		return several(folder, largest, second);
	}
	if (isChosen && largest.length < names.length) {
		return unnumbered;
	}
	const frames = [...largest].sort((a, b) => a.number - b.number);
	// ffmpeg counts the pictures that it makes of a clip from 1, and frames are counted from 0.
	const shift = frames[0]?.number === 1 ? 1 : 0;
	const numbers = frames.map(({ number }) => number - shift);
	const known = new Set(frames.map(({ name }) => name));
	const strangers = names.filter((name) => !known.has(name));
	return {
		chosen: frames.map(({ name }) => name),
		numbers,
		isCountedFromOne: shift === 1,
		notes: [
			...(strangers.length === 0
				? []
				: [
						`${listOf(strangers.map((name) => `"${name}"`))} ${strangers.length === 1 ? 'is' : 'are'} no frame of the sequence and left out`,
					]),
			...gapsOf(frames.map(({ number }) => number)),
		],
	};
};

const several = (folder: string, one: readonly Numbered[], other: readonly Numbered[]): never => {
	throw new UserError(
		`"${folder}" holds several sequences, "${patternOfFrame(one[0])}" and "${patternOfFrame(other[0])}" among them; name one, as in "${join(folder, patternOfFrame(one[0]))}".`,
	);
};

const patternOfFrame = (frame: Numbered | undefined): string => {
	const extension = /\.[a-z]+$/i.exec(frame?.name ?? '')?.[0] ?? '';
	return frame?.family.endsWith(extension) === true ? frame.family : `${frame?.family}${extension}`;
};

const gapsOf = (numbers: readonly number[]): string[] => {
	const gaps = numbers.flatMap((number, at) => {
		const next = numbers[at + 1];
		return next === undefined || next === number + 1
			? []
			: [next === number + 2 ? `${number + 1}` : `${number + 1} to ${next - 1}`];
	});
	return gaps.length === 0
		? []
		: [`frames are missing: ${listOf(gaps)}; those before and after follow each other directly`];
};

const listOf = (items: readonly string[]): string =>
	items.length > 5 ? `${items.slice(0, 4).join(', ')} and ${items.length - 4} more` : items.join(', ');

const patternOf = (text: string): RegExp => {
	const source = text.replace(/%0?\d*d|[*?]|[.+^${}()|[\]\\]/g, (part) => {
		if (part.startsWith('%')) {
			return '\\d+';
		}
		return part === '*' ? '.*' : part === '?' ? '.' : `\\${part}`;
	});
	return new RegExp(`^${source}$`);
};
