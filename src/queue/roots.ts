import { lstat, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { UserError } from '../core/errors.js';
import { type ClipCommand, mapPaths } from '../jobs/clip-command.js';
import { parsePaintedMask } from '../masks/painted-mask.js';
import { isImagePattern } from '../media/image-sequence.js';
import { loadPreset } from '../presets/load-preset.js';

type Root = { readonly path: string; readonly identity: string };

/**
 * The folders that jobs may use. A job is a stranger's: it may name only what lies in them, with links followed, and write only where that
 * is allowed.
 */
export class Roots {
	private constructor(
		private readonly readable: readonly Root[],
		private readonly writable: readonly Root[],
	) {}

	/**
	 * @param writable folders for clips, masks and results; relative paths of jobs are relative to the first
	 * @param readable folders for clips and masks only
	 * @throws UserError when one is not there
	 */
	static async open(writable: readonly string[], readable: readonly string[] = []): Promise<Roots> {
		if (writable.length === 0) {
			throw new UserError('Jobs may use no folder yet; say with --root in which they may read and write.');
		}
		return new Roots(await Promise.all(readable.map(openRoot)), await Promise.all(writable.map(openRoot)));
	}

	/**
	 * A job's command with absolute paths, if all of them are allowed.
	 *
	 * @throws UserError when one is not
	 */
	async allow(command: ClipCommand): Promise<ClipCommand> {
		const [first] = this.writable;
		const absolute = mapPaths(command, (path) => {
			const whole = resolve(first?.path ?? '/', path);
			return /[/\\]$/.test(path) ? join(whole, '/') : whole;
		});
		const { input, mask = [], edit, preset, model, output = [], review } = absolute;
		const all = [...this.writable, ...this.readable];
		// Names of presets and models are no paths: they stand for what the worker's owner has installed.
		for (const path of [input, edit, ...mask.map((text) => parsePaintedMask(text)?.path), preset, model]) {
			if (path !== undefined && isAbsolute(path)) {
				await requireInside(path, all, 'reads');
			}
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

	/** Whether all of them are there and are what they were: a network drive that is gone leaves an empty folder, or none. */
	async areThere(): Promise<boolean> {
		const found = await Promise.all(
			[...this.writable, ...this.readable].map(
				async ({ path, identity }) => (await identityOf(path).catch(() => undefined)) === identity,
			),
		);
		return found.every(Boolean);
	}
}

const identityOf = async (path: string): Promise<string> => {
	const { dev, ino } = await stat(path, { bigint: true });
	return `${dev}:${ino}`;
};

const openRoot = async (folder: string): Promise<Root> => {
	const found = await stat(folder).catch(() => undefined);
	if (found?.isDirectory() !== true) {
		throw new UserError(`"${folder}" is no folder; --root takes one that is there.`);
	}
	const path = await realpath(folder);
	return { path, identity: await identityOf(path) };
};

const requireInside = async (
	path: string,
	roots: readonly Root[],
	does: 'reads' | 'writes',
): Promise<void> => {
	const real = await realPlace(isImagePattern(path) ? dirname(path) : path);
	const isInside = roots.some((root) => {
		const inside = relative(root.path, real);
		return inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
	});
	if (!isInside) {
		throw new UserError(
			`The job ${does} "${path}", which is outside of the folders that this worker's owner allows for that; put it there, or have the worker started with another --root.`,
		);
	}
};

/** Where a path leads, whether or not something is there yet. */
const realPlace = async (path: string): Promise<string> => {
	try {
		return await realpath(path);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code !== 'ENOENT' && code !== 'ENOTDIR') {
			throw error;
		}
		if ((await lstat(path).catch(() => undefined)) !== undefined) {
			throw new UserError(`"${path}" is a link to nothing; jobs may not use such.`);
		}
		return join(await realPlace(dirname(path)), basename(path));
	}
};
