import { stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { UserError } from '../core/errors.js';

/** Where the number of a frame stands in a pattern, as in ffmpeg's; digits before the `d` say how many it has at least. */
const numberPlace = /%0?(\d*)d/g;

/** Kinds of pictures that frames are written as. */
const pictureName = /\.(png|tiff?|exr)$/i;

/** Names with a number of 15 digits, and those of files until they are complete, are as long as disks take then. */
const LONGEST_PATTERN = 150;
const MOST_DIGITS = 15;

/** The name of a frame in a folder: `00000.png`, `00001.png`, … as in the DAVIS data set. */
export const frameFileName = (number: number, extension = '.png'): string =>
	`${String(number).padStart(5, '0')}${extension}`;

/** Whether a path is a pattern for the pictures of frames, `shot.%04d.png`; a name without a folder may be one. */
export const isFramePattern = (path: string): boolean =>
	pictureName.test(path) && basename(path).search(numberPlace) >= 0;

/** What the pictures of frames are called in one place: numbers in a folder, or what a pattern says. */
export class FrameNames {
	readonly folder: string;
	readonly #before: string;
	readonly #after: string;
	readonly #digits: number;

	private constructor(
		/** As it was given: the folder, or the pattern. */
		readonly path: string,
		readonly isPattern: boolean,
		parts: readonly [folder: string, before: string, digits: number, after: string],
	) {
		[this.folder, this.#before, this.#digits, this.#after] = parts;
	}

	/** @param extension of the pictures, with its dot */
	static inFolder(folder: string, extension = '.png'): FrameNames {
		return new FrameNames(folder, false, [folder, '', 5, extension]);
	}

	/** @throws UserError for a pattern that gives several frames one name, or none a name */
	static ofPattern(path: string): FrameNames {
		const name = basename(path);
		const [place, another] = [...name.matchAll(numberPlace)];
		const digits = Number(place?.[1] ?? 0);
		if (place === undefined || another !== undefined) {
			throw new UserError(
				`"${path}" has ${another ? 'several places' : 'no place'} for the number of a frame; give it one, as in "shot.%04d${extname(path)}".`,
			);
		}
		if (digits > MOST_DIGITS || Buffer.byteLength(name) > LONGEST_PATTERN) {
			throw new UserError(
				`"${path}" makes names that are too long; choose a shorter one, as "shot.%04d${extname(path)}".`,
			);
		}
		return new FrameNames(path, true, [
			dirname(path),
			name.slice(0, place.index),
			digits,
			name.slice(place.index + place[0].length),
		]);
	}

	/** The names that frames get in an output: a folder that is there is one, whatever it is called. */
	static async of(path: string, extension?: string): Promise<FrameNames> {
		const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
		return isFramePattern(path) && !isFolder
			? FrameNames.ofPattern(path)
			: FrameNames.inFolder(path, extension);
	}

	/** The same for places whose names can meet. */
	get family(): string {
		return join(resolve(this.folder), `${this.#before}%d${this.#after}`);
	}

	nameOf(number: number): string {
		return `${this.#before}${String(number).padStart(this.#digits, '0')}${this.#after}`;
	}

	/** Whether a file in the folder is called as a frame. */
	matches(name: string): boolean {
		if (!name.startsWith(this.#before) || !name.endsWith(this.#after)) {
			return false;
		}
		const number = name.slice(this.#before.length, name.length - this.#after.length);
		return /^\d+$/.test(number) && number.length >= this.#digits && this.nameOf(Number(number)) === name;
	}

	/** What its names, and those of objects, begin with. */
	get stem(): string {
		return this.#stemAndSeparator[0];
	}

	/** Whether a file in the folder of a pattern is called as a frame, or as one of an object. */
	matchesWithObjects(name: string): boolean {
		const id = name.startsWith(this.stem)
			? /^-?(\d{1,3})\D/.exec(name.slice(this.stem.length))?.[1]
			: undefined;
		return this.matches(name) || (id !== undefined && this.ofObject(Number(id)).matches(name));
	}

	get #stemAndSeparator(): readonly [stem: string, separator: string] {
		const [, stem = '', separator = ''] = /^(.*?)([-_. ]*)$/s.exec(this.#before) ?? [];
		return [stem, separator];
	}

	/** The names for one of several objects: a folder within, or the pattern with `-2` before the number's separator. */
	ofObject(id: number): FrameNames {
		if (!this.isPattern) {
			return FrameNames.inFolder(join(this.folder, String(id)), this.#after);
		}
		const [stem, separator] = this.#stemAndSeparator;
		const number = this.#digits === 0 ? '%d' : `%0${this.#digits}d`;
		return FrameNames.ofPattern(
			join(
				this.folder,
				`${stem}${stem === '' ? '' : '-'}${id}${separator === '' ? '.' : separator}${number}${this.#after}`,
			),
		);
	}
}
