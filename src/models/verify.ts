import { createHash } from 'node:crypto';
import { lstat, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { throwIfAborted } from '../core/errors.js';
import { pathInside } from '../core/path-inside.js';
import { openRegularFile } from '../core/regular-file.js';
import type { InstalledModel, InstalledPairModel } from './model-folder.js';

export type FileRecord = { readonly bytes: number; readonly sha256: string };

/** SHA-256 of a file in hexadecimal, read as a stream. */
const sha256OfFile = async (path: string, signal?: AbortSignal): Promise<string> => {
	throwIfAborted(signal);
	const hash = createHash('sha256');
	await pipeline(
		(await openRegularFile(path)).createReadStream(),
		hash,
		signal === undefined ? {} : { signal },
	);
	return hash.digest('hex');
};

export const recordOfFile = async (path: string, signal?: AbortSignal): Promise<FileRecord> => ({
	bytes: (await stat(path)).size,
	sha256: await sha256OfFile(path, signal),
});

type FileCheck = {
	readonly file: string;
	readonly result: 'ok' | 'missing' | 'wrong size' | 'wrong checksum';
};

/** Compares every file that the manifest lists with its recorded size and checksum; sizes first, they are free. */
export async function* verifyModel(
	model: InstalledModel | InstalledPairModel,
	signal?: AbortSignal,
): AsyncGenerator<FileCheck> {
	for (const [file, expected] of Object.entries(model.manifest.files)) {
		throwIfAborted(signal);
		const path = pathInside(model.folder, file);
		const found = await lstat(path).catch(() => undefined);
		if (found === undefined) {
			yield { file, result: 'missing' };
		} else if ((await stat(path)).size !== expected.bytes) {
			yield { file, result: 'wrong size' };
		} else {
			const actual = await sha256OfFile(path, signal);
			yield { file, result: actual === expected.sha256 ? 'ok' : 'wrong checksum' };
		}
	}
}
