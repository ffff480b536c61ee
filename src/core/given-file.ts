import { type FileHandle, stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { AbortedError, UserError } from './errors.js';
import { MOST_BYTES, openAtOnce } from './regular-file.js';

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
		throw tooLarge(called);
	}
	try {
		const file = await openAtOnce(path);
		try {
			return (await file.stat()).isFIFO() ? await readPipe(file, called) : await file.readFile();
		} finally {
			await file.close();
		}
	} catch (error) {
		throw error instanceof UserError || error instanceof AbortedError ? error : readFailure(called, error);
	}
};

const tooLarge = (called: string): UserError =>
	new UserError(`${called} is larger than 1 GB, so it is not what is wanted here; check the path.`);

const PIPE_BYTES = 1 << 16;
const PAUSE_MS = 20;

/**
 * What comes out of a pipe until nobody writes into it any more; before somebody does, it is waited for.
 *
 * @throws AbortedError when the process is told to end meanwhile, and goes on nevertheless to end cleanly
 */
const readPipe = async (pipe: FileHandle, called: string): Promise<Buffer> => {
	let isToEnd = false;
	const onSignal = (): void => {
		isToEnd = true;
	};
	// Where nobody else listens to a signal, it ends the process as always.
	const signals = (['SIGINT', 'SIGTERM'] as const).filter((signal) => process.listenerCount(signal) > 0);
	for (const signal of signals) {
		process.once(signal, onSignal);
	}
	try {
		const pieces: Buffer[] = [];
		let [length, hasWriter] = [0, false];
		for (;;) {
			if (isToEnd) {
				throw new AbortedError();
			}
			const piece = await readNow(pipe);
			hasWriter ||= piece === undefined || piece.length > 0;
			if (piece === undefined || !hasWriter) {
				await setTimeout(PAUSE_MS);
			} else if (piece.length === 0) {
				return Buffer.concat(pieces);
			} else {
				pieces.push(piece);
				length += piece.length;
				if (length > MOST_BYTES) {
					throw tooLarge(called);
				}
			}
		}
	} finally {
		for (const signal of signals) {
			process.off(signal, onSignal);
		}
	}
};

/** What is in a pipe at this moment: nothing at all when nobody has it open for writing, undefined when who has is not ready. */
const readNow = async (pipe: FileHandle): Promise<Buffer | undefined> => {
	try {
		const { bytesRead, buffer } = await pipe.read(Buffer.alloc(PIPE_BYTES), 0, PIPE_BYTES, null);
		return buffer.subarray(0, bytesRead);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
			return undefined;
		}
		throw error;
	}
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
