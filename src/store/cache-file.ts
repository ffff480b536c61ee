import { chmod, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { makeFolder, openTemporary, writeFailure } from '../core/atomic-file.js';
import { crc32 } from '../core/crc32.js';

/**
 * Files that can be made anew. Each ends in a checksum of its name and its contents: what a power cut, a bad disk or somebody's hand
 * has changed, or put under another name, counts as absent. Nobody waits for the disk, then, and only the owner may look at them.
 */

const MAGIC = 0x31635270;
/** Magic and CRC-32, little-endian. */
export const SEAL_BYTES = 8;

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

const sealOf = (path: string, data: Uint8Array): Buffer => {
	const name = `${basename(dirname(path))}/${basename(path)}`;
	const seal = Buffer.alloc(SEAL_BYTES);
	seal.writeUInt32LE(MAGIC, 0);
	seal.writeUInt32LE(crc32(data, crc32(Buffer.from(name))), 4);
	return seal;
};

/** The contents of a file, where they are what was written under this name; they share its memory. */
export const unsealed = (path: string, bytes: Uint8Array): Uint8Array | undefined => {
	const data = bytes.subarray(0, Math.max(0, bytes.length - SEAL_BYTES));
	return Buffer.from(bytes.buffer, bytes.byteOffset + data.length, bytes.length - data.length).equals(
		sealOf(path, data),
	)
		? data
		: undefined;
};

/**
 * Writes a file that {@link unsealed} reads. Several processes may write the same one.
 *
 * @throws UserError when the place can't be written
 */
export const writeCacheFile = async (path: string, data: Uint8Array): Promise<void> => {
	let partial: string | undefined;
	try {
		const temporary = await openTemporary(path, FILE_MODE);
		partial = temporary.partial;
		try {
			await temporary.file.writeFile(data);
			await temporary.file.writeFile(sealOf(path, data));
		} finally {
			await temporary.file.close();
		}
		await rename(partial, path);
	} catch (error) {
		if (partial !== undefined) {
			await rm(partial, { force: true }).catch(() => {});
		}
		throw writeFailure(path, error);
	}
};

/** Makes a folder that only its owner may look into. @throws UserError when it can't be made */
export const makePrivateFolder = async (folder: string): Promise<void> => {
	await makeFolder(folder, FOLDER_MODE);
	const { mode } = await stat(folder);
	if ((mode & 0o077) !== 0) {
		await chmod(folder, FOLDER_MODE).catch(() => {});
	}
};
