import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../errors.js';

/** The name a file has until it is complete: in the same folder, so that the final rename cannot fail half-way. */
export const partialPath = (path: string): string => join(dirname(path), `${basename(path)}.partial`);

/**
 * Writes a file under a temporary name and renames it: it appears under its own name only when it is complete.
 * Folders on the way are made.
 *
 * @throws UserError when the place is read-only or full.
 */
export const writeFileAtomically = async (path: string, data: Uint8Array): Promise<void> => {
	const partial = partialPath(path);
	try {
		await mkdir(dirname(path), { recursive: true });
		const file = await open(partial, 'w');
		try {
			await file.writeFile(data);
		} finally {
			await file.close();
		}
		await rename(partial, path);
	} catch (error) {
		await rm(partial, { force: true }).catch(() => {});
		throw writeFailure(path, error);
	}
};

/** A file-system failure while writing `path` as a sentence; anything unknown is passed through. */
export const writeFailure = (path: string, error: unknown): unknown => {
	const code = (error as NodeJS.ErrnoException | undefined)?.code;
	switch (code) {
		case 'EACCES':
		case 'EPERM':
		case 'EROFS':
		// What Node says when folders cannot be made on a read-only disk.
		case 'ENOENT':
			return new UserError(
				`"${path}" cannot be written (the place is read-only); choose another output place.`,
			);
		case 'ENOSPC':
		case 'EDQUOT':
			return new UserError(
				`"${path}" cannot be written because the disk is full; free some space and run again.`,
			);
		case 'ENOTDIR':
		case 'EEXIST':
			return new UserError(
				`"${path}" cannot be written because a part of its path is a file; choose another place.`,
			);
		case 'ENAMETOOLONG':
			return new UserError(`"${path}" cannot be written because its name is too long; choose a shorter one.`);
		case 'EISDIR':
			return new UserError(`"${path}" is a folder; choose another name for the file.`);
		default:
			return error;
	}
};
