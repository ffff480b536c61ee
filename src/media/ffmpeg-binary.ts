import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, copyFile, mkdir, rename, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf, UserError } from '../errors.js';

const run = promisify(execFile);

/** The ffmpeg to run and what it says of itself. */
export type FfmpegBinary = {
	readonly path: string;
	/** First line of `ffmpeg -version`. */
	readonly version: string;
	readonly origin: 'option' | 'FFMPEG_PATH' | 'bundled';
};

const found = new Map<string, Promise<FfmpegBinary>>();

/**
 * The ffmpeg to use: the given path (or command name), else `FFMPEG_PATH`, else the binary of @ffmpeg-installer.
 * It is started once to see that it runs; later calls get the remembered answer.
 *
 * @throws UserError when there is none for this platform or the one asked for does not run.
 */
export const findFfmpeg = (explicit?: string): Promise<FfmpegBinary> => {
	const fromEnvironment = process.env.FFMPEG_PATH || undefined;
	const key = explicit ?? fromEnvironment ?? '';
	const known = found.get(key);
	if (known) {
		return known;
	}
	const origin =
		explicit !== undefined ? 'option' : fromEnvironment !== undefined ? 'FFMPEG_PATH' : 'bundled';
	const search = (async (): Promise<FfmpegBinary> => {
		const path = origin === 'bundled' ? await bundledFfmpeg() : key;
		return { path, version: await versionOf(path, origin), origin };
	})();
	found.set(key, search);
	// A failure must not be remembered: the person may put the file right and try again in the same program.
	search.catch(() => found.delete(key));
	return search;
};

const versionOf = async (path: string, origin: FfmpegBinary['origin']): Promise<string> => {
	const where = { option: '--ffmpeg', FFMPEG_PATH: 'FFMPEG_PATH', bundled: 'the bundled copy' }[origin];
	const { stdout } = await run(path, ['-hide_banner', '-version'], { windowsHide: true }).catch((error) => {
		throw new UserError(
			`"${path}" (from ${where}) cannot be run as ffmpeg (${messageOf(error).split('\n')[0]}); give the path of an ffmpeg program with --ffmpeg or FFMPEG_PATH.`,
		);
	});
	const version = stdout.split('\n')[0] ?? '';
	if (!version.startsWith('ffmpeg version')) {
		throw new UserError(
			`"${path}" (from ${where}) is not ffmpeg; give the path of an ffmpeg program with --ffmpeg or FFMPEG_PATH.`,
		);
	}
	return version;
};

const bundledFfmpeg = async (): Promise<string> => {
	let path: string;
	try {
		const installer = await import('@ffmpeg-installer/ffmpeg');
		path = installer.default.path;
	} catch (error) {
		// The package throws a plain string on platforms it has no binary for.
		throw new UserError(
			`No ffmpeg is bundled for this platform (${messageOf(error)}); install ffmpeg and name it with --ffmpeg or FFMPEG_PATH.`,
		);
	}
	return makeRunnable(path);
};

/**
 * The same binary with its run bit set. npm may have skipped the package's install script that sets it;
 * where the package's folder is read-only, a copy in the platform's cache folder is used.
 */
export const makeRunnable = async (path: string, cacheFolder = defaultCacheFolder()): Promise<string> => {
	if (await isRunnable(path)) {
		return path;
	}
	try {
		await chmod(path, 0o755);
		if (await isRunnable(path)) {
			return path;
		}
	} catch {
		// Not ours to change: fall through to the copy.
	}
	const { size } = await stat(path);
	const copy = join(cacheFolder, `${size}-${basename(path)}`);
	if (!(await isRunnable(copy))) {
		await mkdir(cacheFolder, { recursive: true });
		// Renamed into place, so that another process never starts half a binary.
		const partial = `${copy}.${process.pid}.partial`;
		await copyFile(path, partial);
		await chmod(partial, 0o755);
		await rename(partial, copy);
	}
	return copy;
};

const isRunnable = async (path: string): Promise<boolean> =>
	access(path, constants.X_OK).then(
		() => true,
		() => false,
	);

const defaultCacheFolder = (): string => {
	const caches =
		process.platform === 'win32'
			? (process.env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'))
			: process.platform === 'darwin'
				? join(homedir(), 'Library', 'Caches')
				: (process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'));
	return join(caches, 'propagate', 'ffmpeg');
};
