import { readFile, stat } from 'node:fs/promises';
import { UserError } from './errors.js';

/** No list, mask or array that is read whole is larger. */
const MOST_BYTES = 2 ** 30;

/** What the system's codes mean for somebody who wants a file read. */
const reasons: Readonly<Record<string, string>> = {
	ENOENT: 'does not exist; check the path',
	ENOTDIR: 'does not exist; check the path',
	EACCES: 'may not be opened; change its permissions',
	EPERM: 'may not be opened; change its permissions',
	ELOOP: 'goes round in links; give the file itself',
	ENAMETOOLONG: 'does not exist: no name is that long; check the path',
	EIO: 'cannot be read: the disk reported an error; copy the file from elsewhere',
};

/**
 * Why a file that somebody named can't be read, as a sentence.
 *
 * @param called how the sentence begins: `The mask "a.png"`
 */
export const readFailure = (called: string, error: unknown): UserError => {
	const { code, message } = error as NodeJS.ErrnoException;
	const reason = reasons[code ?? ''] ?? `cannot be read (${code ?? message})`;
	return new UserError(`${called} ${reason}.`, { cause: error });
};

/**
 * A file that somebody named, whole. It may be a pipe, but nothing without an end.
 *
 * @param called how a sentence about it begins: `The mask "a.png"`
 * @throws UserError when it can't be read, is a folder or a device, or is larger than a gigabyte
 */
export const readGivenFile = async (path: string, called = `"${path}"`): Promise<Buffer> => {
	const stats = await stat(path).catch((error: unknown) => {
		throw readFailure(called, error);
	});
	if (stats.isDirectory()) {
		throw new UserError(`${called} is a folder; give a file.`);
	}
	if (stats.isCharacterDevice() || stats.isBlockDevice()) {
		throw new UserError(`${called} is a device; give a file.`);
	}
	if (stats.size > MOST_BYTES) {
		throw new UserError(`${called} is larger than 1 GB, so it is not what is wanted here; check the path.`);
	}
	return readFile(path).catch((error: unknown) => {
		throw readFailure(called, error);
	});
};

/** As {@link readGivenFile}, as text: a byte order mark says how it is coded and is no part of it. UTF-8 without. */
export const readGivenText = async (path: string, called?: string): Promise<string> =>
	textOf(await readGivenFile(path, called));

const textOf = (bytes: Buffer): string => {
	const isBigEndian = bytes[0] === 0xfe && bytes[1] === 0xff;
	if (isBigEndian || (bytes[0] === 0xff && bytes[1] === 0xfe)) {
		const units = bytes.subarray(2, bytes.length - (bytes.length % 2));
		return (isBigEndian ? Buffer.from(units).swap16() : units).toString('utf16le');
	}
	return bytes.toString('utf8').replace(/^\ufeff/, '');
};
