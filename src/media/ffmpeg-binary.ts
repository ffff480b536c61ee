import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, chmod, copyFile, mkdir, rename, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { firstLineOf, messageOf, UserError } from '../core/errors.js';

const run = promisify(execFile);

/** The ffmpeg to run, what it says of itself, and what it can do. */
type FfmpegBinary = {
	readonly path: string;
	/** First line of `ffmpeg -version`. */
	readonly version: string;
	readonly origin: Origin;
	/** Why it is this one, for `doctor`. */
	readonly reason: string;
	/** Names of the options, encoders and filters that it lists. */
	readonly options: ReadonlySet<string>;
	readonly encoders: ReadonlySet<string>;
	readonly filters: ReadonlySet<string>;
};

type Origin = 'option' | 'FFMPEG_PATH' | 'system' | 'bundled';

/** What all formats together need, so that an ffmpeg built without some of it is not preferred. */
const wanted = {
	encoders: ['libx264', 'prores_ks', 'libvpx-vp9', 'ffv1', 'qtrle', 'aac'],
	filters: ['showinfo', 'scale', 'trim', 'zscale', 'tonemap'],
} as const;

const found = new Map<string, Promise<FfmpegBinary>>();

/**
 * The ffmpeg to use: the given path (or command name), else `FFMPEG_PATH`, else the newer of the one that the system's
 * `PATH` leads to and the binary of @ffmpeg-installer. It is started to see that it runs and what it can do; later calls
 * get the remembered answer.
 *
 * @throws UserError when there is none for this platform or the one asked for does not run.
 */
export const findFfmpeg = (explicit?: string): Promise<FfmpegBinary> => {
	const fromEnvironment = process.env.FFMPEG_PATH || undefined;
	const named = explicit ?? fromEnvironment;
	const key = named === undefined ? `\0${process.env.PATH}` : named;
	const known = found.get(key);
	if (known) {
		return known;
	}
	const search =
		named === undefined
			? findNewest()
			: explicit !== undefined
				? findNamed(named, 'option', 'named with --ffmpeg')
				: findNamed(named, 'FFMPEG_PATH', 'named by FFMPEG_PATH');
	found.set(key, search);
	// A failure must not be remembered: the person may put the file right and try again in the same program.
	search.catch(() => found.delete(key));
	return search;
};

const findNamed = async (path: string, origin: Origin, reason: string): Promise<FfmpegBinary> =>
	withAbilities(await versionOf(path, origin), origin, reason);

/** Of the system's ffmpeg and the bundled one, the newer that can do everything. */
const findNewest = async (): Promise<FfmpegBinary> => {
	const [system, bundled] = await Promise.all([
		systemFfmpeg().then((path) =>
			path === undefined ? undefined : versionOf(path, 'system').catch(() => undefined),
		),
		bundledFfmpeg().then(
			(path) => versionOf(path, 'bundled'),
			(error: unknown) => ({ missing: error }),
		),
	]);
	if (system === undefined) {
		if ('missing' in bundled) {
			throw bundled.missing;
		}
		return withAbilities(bundled, 'bundled', 'no other ffmpeg was found in PATH');
	}
	const about = `the system's, "${system.path}"`;
	if ('missing' in bundled) {
		return withAbilities(system, 'system', 'none is bundled for this platform');
	}
	if (system.library <= bundled.library) {
		return withAbilities(bundled, 'bundled', `not older than ${about}`);
	}
	const newer = await withAbilities(system, 'system', 'newer than the bundled one');
	const lacks = [
		...wanted.encoders.filter((name) => !newer.encoders.has(name)),
		...wanted.filters.filter((name) => !newer.filters.has(name)),
	];
	return lacks.length === 0
		? newer
		: withAbilities(bundled, 'bundled', `${about}, is newer but lacks ${lacks.join(', ')}`);
};

type Version = {
	readonly path: string;
	/** First line of `ffmpeg -version`. */
	readonly version: string;
	/** The version of libavutil, by which builds can be compared that name themselves after days or revisions. */
	readonly library: number;
};

const withAbilities = async (
	{ path, version }: Version,
	origin: Origin,
	reason: string,
): Promise<FfmpegBinary> => {
	const [options, encoders, filters] = await Promise.all([
		listOf(path, ['-h', 'long'], /^-([a-z_]+)/),
		listOf(path, ['-encoders'], /^ ?[VAS][A-Z.]{5} +([\w-]+) /),
		listOf(path, ['-filters'], /^ ?[A-Z.|]{2,3} +(\w+) +\S+->/),
	]);
	return { path, version, origin, reason, options, encoders, filters };
};

const versionOf = async (path: string, origin: Origin): Promise<Version> => {
	const where = {
		...{ option: 'from --ffmpeg', FFMPEG_PATH: 'from FFMPEG_PATH' },
		...{ system: 'found in PATH', bundled: 'the bundled copy' },
	}[origin];
	const { stdout } = await run(path, ['-hide_banner', '-version'], { windowsHide: true }).catch((error) => {
		throw new UserError(
			`"${path}" (${where}) cannot be run as ffmpeg (${firstLineOf(error)}); give the path of an ffmpeg program with --ffmpeg or FFMPEG_PATH.`,
		);
	});
	if (!stdout.startsWith('ffmpeg version')) {
		throw new UserError(
			`"${path}" (${where}) is not ffmpeg; give the path of an ffmpeg program with --ffmpeg or FFMPEG_PATH.`,
		);
	}
	const [, major = 0, minor = 0, micro = 0] =
		/^libavutil +(\d+)\. *(\d+)\. *(\d+)/m.exec(stdout)?.map(Number) ?? [];
	return { path, version: stdout.split('\n')[0]?.trim() ?? '', library: major * 1e6 + minor * 1e3 + micro };
};

const listOf = async (path: string, args: readonly string[], item: RegExp): Promise<ReadonlySet<string>> => {
	const { stdout } = await run(path, ['-hide_banner', ...args], { windowsHide: true, maxBuffer: 1 << 25 });
	return new Set(stdout.split('\n').flatMap((line) => item.exec(line)?.[1] ?? []));
};

/** The first runnable `ffmpeg` of the folders in `PATH`. */
const systemFfmpeg = async (): Promise<string | undefined> => {
	const name = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';
	for (const folder of (process.env.PATH ?? '').split(delimiter).filter((part) => part !== '')) {
		const path = join(folder, name);
		if ((await isRunnable(path)) && (await stat(path)).isFile()) {
			return path;
		}
	}
	return undefined;
};

const bundledFfmpeg = async (): Promise<string> => {
	let path: string;
	try {
		const installer = await import('@ffmpeg-installer/ffmpeg');
		path = installer.default.path;
	} catch (error) {
		// The package throws a plain string on platforms it has no binary for.
		throw new UserError(
			`No ffmpeg is bundled for this platform (${messageOf(error)}); install ffmpeg, or name one with --ffmpeg or FFMPEG_PATH.`,
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
