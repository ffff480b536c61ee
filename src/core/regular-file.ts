import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { z } from 'zod';
import { UserError } from './errors.js';

/** No file that is read whole is larger. */
export const MOST_BYTES = 2 ** 30;

/**
 * How files are opened for reading. Opening a pipe as usual waits until somebody writes into it; a thread that waits so can't be ended, and
 * neither can its process.
 */
const WITHOUT_WAITING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Opens whatever there is of that name, and waits for nobody. */
export const openAtOnce = (path: string): Promise<FileHandle> => open(path, WITHOUT_WAITING);

/**
 * Opens an ordinary file.
 *
 * @throws UserError when it is a folder, a pipe or a device; else the system's error
 */
export const openRegularFile = async (path: string): Promise<FileHandle> => {
	const file = await openAtOnce(path);
	const stats = await file.stat();
	if (!stats.isFile()) {
		await file.close();
		throw notRegular(path, stats.isDirectory());
	}
	return file;
};

/** As {@link openRegularFile}, at once. @returns the file's descriptor */
export const openRegularFileSync = (path: string): number => {
	const descriptor = openSync(path, WITHOUT_WAITING);
	const stats = fstatSync(descriptor);
	if (!stats.isFile()) {
		closeSync(descriptor);
		throw notRegular(path, stats.isDirectory());
	}
	return descriptor;
};

const notRegular = (path: string, isFolder: boolean): UserError =>
	new UserError(`"${path}" is a ${isFolder ? 'folder' : 'pipe or a device, not a file'}; give a file.`);

/**
 * A file of the program's own, whole. What else has taken its place is not read: a pipe would be waited for, and a device has no end.
 *
 * @throws Error when there is none that can be read
 */
export const readOwnFile = async (path: string): Promise<Buffer> => {
	const file = await openRegularFile(path);
	try {
		if ((await file.stat()).size > MOST_BYTES) {
			throw new UserError(`"${path}" is larger than 1 GB.`);
		}
		return await file.readFile();
	} finally {
		await file.close();
	}
};

/** As {@link readOwnFile}, of text. */
export const readOwnText = async (path: string): Promise<string> =>
	(await readOwnFile(path)).toString('utf8');

/** What a file says; undefined where there is none, or it says something else. */
export const readOwnJson = async <Value>(
	path: string,
	schema: z.ZodType<Value>,
): Promise<Value | undefined> => {
	const text = await readOwnText(path).catch(() => undefined);
	if (text === undefined) {
		return undefined;
	}
	try {
		return schema.parse(JSON.parse(text));
	} catch {
		return undefined;
	}
};
