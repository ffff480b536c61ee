import type { FileHandle } from 'node:fs/promises';
import yauzl from 'yauzl';
import { messageOf, UserError } from '../../core/errors.js';

/** Where a stored (uncompressed) entry's bytes lie in the archive. */
export type ZipEntry = { readonly offset: number; readonly length: number };

/** A checkpoint has an entry for each tensor; the bound stops archives that are all directory. */
const MAX_ENTRIES = 100_000;

/**
 * Lists the entries of a zip archive by name, without reading their contents.
 *
 * @throws UserError when the file is not a zip, or an entry is compressed or reaches past the end
 */
export const readZipEntries = async (path: string, file: FileHandle): Promise<Map<string, ZipEntry>> => {
	const { size } = await file.stat();
	const refuse = (what: string, cause?: unknown): UserError =>
		new UserError(
			`${path} was refused because ${what}; expected a checkpoint that torch.save of PyTorch 1.6 or later wrote, or a .safetensors file.`,
			{ cause },
		);
	try {
		const zip = await yauzl.fromFdPromise(file.fd, { lazyEntries: true, autoClose: false });
		if (zip.entryCount > MAX_ENTRIES) {
			throw refuse(`it lists ${zip.entryCount} entries`);
		}
		const entries = new Map<string, ZipEntry>();
		for await (const entry of zip.eachEntry()) {
			if (entry.compressionMethod !== 0 || entry.compressedSize !== entry.uncompressedSize) {
				throw refuse(`its entry "${entry.fileName}" is compressed`);
			}
			const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
			if (fileDataStart + entry.uncompressedSize > size) {
				throw refuse(`it is cut off inside "${entry.fileName}"`);
			}
			entries.set(entry.fileName, { offset: fileDataStart, length: entry.uncompressedSize });
		}
		return entries;
	} catch (error) {
		throw error instanceof UserError
			? error
			: refuse(`it is not a sound zip archive (${messageOf(error)})`, error);
	}
};
