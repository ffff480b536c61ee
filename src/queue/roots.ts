import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { UserError } from '../core/errors.js';
import { readFailure } from '../core/given-file.js';
import { isS3, isWithinS3, joinPlace, parseS3Place, type S3Place, s3Text } from '../core/s3-place.js';
import { absolutePlace, type ClipCommand, mapPaths, paintedPathsOf } from '../jobs/clip-command.js';
import { isImagePattern } from '../media/image-sequence.js';
import { loadPreset } from '../presets/preset.js';
import type { ObjectStore } from './object-store.js';

type Root = { readonly folder: string; readonly identity: string } | { readonly objects: S3Place };

/**
 * The folders that jobs may use, on disks and in S3. A job is a stranger's: it may name only what lies in them, with links followed, and write
 * only where that is allowed.
 */
export class Roots {
	private constructor(
		private readonly readable: readonly Root[],
		private readonly writable: readonly Root[],
		private readonly store: ObjectStore | undefined,
	) {}

	/**
	 * @param writable folders for clips, masks and results; relative paths of jobs are relative to the first
	 * @param readable folders for clips and masks only
	 * @param store needed where some are in S3
	 * @throws UserError when one is not there
	 */
	static async open(
		writable: readonly string[],
		readable: readonly string[] = [],
		store?: ObjectStore,
	): Promise<Roots> {
		if (writable.length === 0) {
			throw new UserError('Jobs may use no folder yet; say with --root in which they may read and write.');
		}
		const open = (root: string): Promise<Root> => openRoot(root, store);
		return new Roots(await Promise.all(readable.map(open)), await Promise.all(writable.map(open)), store);
	}

	/**
	 * A job's command with absolute paths, if all of them are allowed.
	 *
	 * @throws UserError when one is not
	 */
	async allow(command: ClipCommand): Promise<ClipCommand> {
		const absolute = mapPaths(command, (path) => this.#absolute(path));
		const { input, preset, model, output = [], review } = absolute;
		if (output.length === 0) {
			throw new UserError('The job names no "output", and a worker has no folder of its own for results.');
		}
		const all = [...this.writable, ...this.readable];
		// Names of presets and models are no paths: they stand for what the worker's owner has installed.
		for (const path of [input, ...paintedPathsOf(absolute), preset, model].filter(
			(path) => path !== undefined,
		)) {
			if (isS3(path) || isAbsolute(path)) {
				await requireInside(path, all, 'reads');
			}
		}
		for (const path of [preset, model].filter((path) => path !== undefined && isS3(path))) {
			throw new UserError(`"${path}" lies in S3; presets and models are read from folders only.`);
		}
		for (const path of isS3(input) ? [] : await picturesOf(input)) {
			await requireInside(path, all, 'reads');
		}
		if (preset !== undefined && isAbsolute(preset)) {
			const ofPreset = (await loadPreset(preset)).model;
			if (ofPreset !== undefined && /[/\\]/.test(ofPreset)) {
				await requireInside(resolve(ofPreset), all, 'reads');
			}
		}
		for (const path of [...output, review].filter((path) => path !== undefined)) {
			await requireInside(path, this.writable, 'writes');
		}
		return absolute;
	}

	#absolute(path: string): string {
		const [first] = this.writable;
		if (first === undefined || isS3(path) || isAbsolute(path)) {
			return absolutePlace('/', path);
		}
		return 'objects' in first ? joinPlace(s3Text(first.objects), path) : absolutePlace(first.folder, path);
	}

	/** Whether all of them are there and are what they were: a network drive that is gone leaves an empty folder, or none. */
	async areThere(): Promise<boolean> {
		const found = await Promise.all(
			[...this.writable, ...this.readable].map(async (root) =>
				'objects' in root
					? await this.store?.isThere(root.objects)
					: (await identityOf(root.folder).catch(() => undefined)) === root.identity,
			),
		);
		return found.every(Boolean);
	}
}

const identityOf = async (path: string): Promise<string> => {
	const { dev, ino } = await stat(path, { bigint: true });
	return `${dev}:${ino}`;
};

const openRoot = async (root: string, store: ObjectStore | undefined): Promise<Root> => {
	if (isS3(root)) {
		const objects = parseS3Place(root);
		await store?.requireThere(objects);
		return { objects };
	}
	const found = await stat(root).catch(() => undefined);
	if (found?.isDirectory() !== true) {
		throw new UserError(`"${root}" is no folder; --root takes one that is there.`);
	}
	const folder = await realpath(root);
	return { folder, identity: await identityOf(folder) };
};

/** What a clip that is a folder of frames is read from besides: each of them may be a link. */
const picturesOf = async (input: string): Promise<string[]> => {
	const folder = isImagePattern(input) ? dirname(input) : input;
	const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
	return entries.filter((entry) => entry.isSymbolicLink()).map(({ name }) => join(folder, name));
};

const requireInside = async (
	path: string,
	roots: readonly Root[],
	does: 'reads' | 'writes',
): Promise<void> => {
	if (!(isS3(path) ? isInsideObjects(parseS3Place(path), roots, does) : await isInsideFolder(path, roots))) {
		throw new UserError(
			`The job ${does} "${path}", which is outside of the folders that this worker's owner allows for that; put it there, or have the worker started with another --root.`,
		);
	}
};

/** Beside what is written lie its notes, so that a root itself can't be a result. */
const isInsideObjects = (place: S3Place, roots: readonly Root[], does: 'reads' | 'writes'): boolean =>
	roots.some(
		(root) =>
			'objects' in root &&
			isWithinS3(place, root.objects) &&
			(does === 'reads' || place.key.replace(/\/$/, '') !== root.objects.key.replace(/\/$/, '')),
	);

const isInsideFolder = async (path: string, roots: readonly Root[]): Promise<boolean> => {
	const real = await realPlace(isImagePattern(path) ? dirname(path) : path);
	return roots.some((root) => {
		if ('objects' in root) {
			return false;
		}
		const inside = relative(root.folder, real);
		return inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
	});
};

/** Where a path leads, whether or not something is there yet. */
const realPlace = async (path: string): Promise<string> => {
	try {
		return await realpath(path);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code !== 'ENOENT' && code !== 'ENOTDIR') {
			throw readFailure(`"${path}"`, error);
		}
		if ((await lstat(path).catch(() => undefined)) !== undefined) {
			throw new UserError(`"${path}" is a link to nothing; jobs may not use such.`);
		}
		return join(await realPlace(dirname(path)), basename(path));
	}
};
