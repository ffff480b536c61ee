import { type FileHandle, link, lstat, mkdir, open, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { UserError } from './errors.js';
import { clearLeftoversOf, temporaryPath } from './temporary-names.js';

/** A file as it was when it was complete. */
export type WrittenFile = { readonly path: string; readonly bytes: number };

/** A new, empty file under a name of its own, in the folder of the file that it will become. */
type TemporaryFile = { readonly partial: string; readonly file: FileHandle };

/**
 * Sees before any work whether files may be written. A link counts as what it leads to, but one that leads nowhere is there, too.
 *
 * @param paths of files; what is undefined is not wanted
 * @param replaces whether those that are there may be replaced
 * @throws UserError for the first that is there and may not be replaced, or is a folder
 */
export const requireFree = async (
	paths: readonly (string | undefined)[],
	replaces: boolean | undefined,
): Promise<void> => {
	for (const path of paths) {
		if (path === undefined) {
			continue;
		}
		if (path === '-') {
			throw new UserError(
				'Results are files, which cannot be written to standard output; give a name, or read what --json prints.',
			);
		}
		const stats = (await stat(path).catch(() => undefined)) ?? (await lstat(path).catch(() => undefined));
		if (stats?.isDirectory()) {
			throw new UserError(
				`"${path}" is a folder; give the name of a ${[extname(path), 'file'].join(' ').trim()}.`,
			);
		}
		if (stats !== undefined && replaces !== true) {
			throw new UserError(`"${path}" exists already; choose another name, or add --overwrite.`);
		}
	}
};

/**
 * Makes a file that nobody else has: never one that is there, and never what a link points to.
 *
 * @param mode access rights; 0o666 without what the umask takes away when omitted
 */
export const openTemporary = async (path: string, mode?: number): Promise<TemporaryFile> => {
	const partial = temporaryPath(path);
	return { partial, file: await open(partial, 'wx', mode) };
};

/**
 * Writes a file under a temporary name, has the disk store it, and renames it: whatever happens, the name stands for all of the old
 * contents or all of the new ones. Folders on the way are made.
 *
 * @throws UserError when the place can't be written
 */
export const writeFileAtomically = async (path: string, data: Uint8Array): Promise<void> => {
	let partial: string | undefined;
	try {
		await makeFolder(dirname(path));
		await clearLeftoversOf(path);
		const temporary = await openTemporary(path);
		partial = temporary.partial;
		try {
			await temporary.file.writeFile(data);
			await syncFile(temporary.file);
		} finally {
			await temporary.file.close();
		}
		await rename(partial, path);
		await syncFolder(dirname(path));
	} catch (error) {
		if (partial !== undefined) {
			await rm(partial, { force: true }).catch(() => {});
		}
		throw writeFailure(path, error);
	}
};

/**
 * Gives a complete, stored file its own name.
 *
 * @param replaces whether a file of that name may be replaced; without it, one that has appeared meanwhile is left alone
 * @throws Error when there is one
 */
export const publish = async (partial: string, path: string, replaces: boolean): Promise<WrittenFile> => {
	if (replaces || !(await linked(partial, path))) {
		await rename(partial, path);
	}
	await syncFolder(dirname(path));
	return { path, bytes: (await stat(path)).size };
};

/** A new name is given by a link, which unlike a rename replaces nothing. False where the file system has no links. */
const linked = async (partial: string, path: string): Promise<boolean> => {
	try {
		await link(partial, path);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'EEXIST' && !(await exists(path))) {
			return false;
		}
		throw new Error(
			`"${path}" has been made by somebody else meanwhile, and was left as it is; run again with another name, or with --overwrite.`,
		);
	}
	await rm(partial);
	return true;
};

/** Whether there is something of that name, be it a link to nothing. */
const exists = (path: string): Promise<boolean> =>
	lstat(path).then(
		() => true,
		() => false,
	);

/** Waits until the disk has a file's contents. Some file systems can't be asked. */
export const syncFile = async (file: FileHandle): Promise<void> => {
	await file.sync().catch(unlessUnsupported);
};

/** As {@link syncFile}, of a file that another program has written. */
export const syncPath = async (path: string): Promise<void> => {
	// Windows wants the right to write, others don't; what is read-only was written long ago.
	const file = await open(path, process.platform === 'win32' ? 'r+' : 'r');
	try {
		await syncFile(file);
	} finally {
		await file.close();
	}
};

/** Waits until the disk has a folder's names. Windows stores them with the files. */
export const syncFolder = async (folder: string): Promise<void> => {
	if (process.platform === 'win32') {
		return;
	}
	const handle = await open(folder, 'r');
	try {
		await handle.sync().catch(unlessUnsupported);
	} finally {
		await handle.close();
	}
};

const unlessUnsupported = (error: NodeJS.ErrnoException): void => {
	if (!['EINVAL', 'ENOTSUP', 'ENOSYS', 'EPERM', 'EBADF'].includes(error.code ?? '')) {
		throw error;
	}
};

/**
 * Makes a folder and those on the way to it.
 *
 * @param mode access rights of new ones; 0o777 without what the umask takes away when omitted
 * @returns the first one that was not there, for {@link removeMade}
 * @throws UserError when it can't be made; the message says why
 */
export const makeFolder = async (folder: string, mode?: number): Promise<string | undefined> => {
	try {
		return await mkdir(folder, { recursive: true, mode });
	} catch (error) {
		throw writeFailure(folder, await whyNoFolder(folder, error));
	}
};

/** Removes the folders that {@link makeFolder} made, from `folder` up to the first of them, as far as they are empty. */
export const removeMade = async (folder: string, first: string | undefined): Promise<void> => {
	if (first === undefined) {
		return;
	}
	for (let made = resolve(folder); made.startsWith(resolve(first)); made = dirname(made)) {
		try {
			await rmdir(made);
		} catch {
			return;
		}
	}
};

/** Of a read-only disk, and of a link to nothing, Node tells something else; this is what the system says of the first part that is missing. */
const whyNoFolder = async (folder: string, told: unknown): Promise<unknown> => {
	let there = resolve(folder);
	let missing: string | undefined;
	while (!(await exists(there))) {
		missing = there;
		there = dirname(there);
	}
	if ((await stat(there).catch(() => undefined)) === undefined) {
		return new UserError(
			`"${folder}" cannot be made: "${there}" is a link to a place that does not exist; choose another place.`,
		);
	}
	return missing === undefined || (told as NodeJS.ErrnoException).code !== 'ENOENT'
		? told
		: mkdir(missing).then(
				() => told,
				(error: unknown) => error,
			);
};

/**
 * A file-system failure while writing `path` as a sentence: a UserError where the person can do something about it. Anything unknown is
 * passed through.
 */
export const writeFailure = (path: string, error: unknown): unknown => {
	const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
	const [reason, accident] = [reasons[code], accidents[code]];
	if (reason !== undefined) {
		return new UserError(`"${path}" cannot be written: ${reason}.`, { cause: error });
	}
	return accident === undefined
		? error
		: new Error(`"${path}" cannot be written: ${accident}.`, { cause: error });
};

/** What the system's codes mean for somebody who wants a file written, and what to do. */
const reasons: Readonly<Record<string, string>> = {
	EACCES: 'that is not permitted there; choose another place, or change the permissions of the folder',
	EPERM: 'the system does not permit it there; choose another place',
	EROFS: 'the disk is read-only; choose another place',
	ENOTDIR: 'a part of its path is a file; choose another place',
	EEXIST: 'a part of its path is a file; choose another place',
	ELOOP: 'its path goes round in links; choose another place',
	EISDIR: 'it is a folder; choose another name for the file',
	ENAMETOOLONG: 'its name is too long; choose a shorter one',
	EINVAL: 'the disk does not take such a name; choose another one',
	ENOSPC: 'the disk is full; free some space and run again',
	EDQUOT: 'the disk is full for this user; free some space and run again',
	EFBIG:
		'the disk, or the limit of this session (ulimit -f), allows no file of that size; choose another place',
	EMFILE: 'too many files are open; raise the limit (ulimit -n)',
	ENFILE: 'too many files are open on this machine; close programs and run again',
	EBUSY: 'another program holds it; close that program and run again',
	ETXTBSY: 'another program holds it; close that program and run again',
};

/** The same of what happens while a command is at work: the folder was there when it began. */
const accidents: Readonly<Record<string, string>> = {
	ENOENT: 'its folder has been removed or renamed in the meantime; run again',
	ESTALE: 'the network drive has lost its folder; connect it again and run again',
	EIO: 'the disk reported an error; see to the disk, or choose another one',
};
