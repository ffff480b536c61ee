import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import { UserError } from '../errors.js';
import { partialPath, writeFailure } from './atomic-file.js';
import type { Existing } from './video-sink.js';

/** A file that is written piece by piece and appears under its own name when it is complete. */
export class GrowingFile {
	private constructor(
		private readonly path: string,
		private readonly file: FileHandle,
	) {}

	/** @throws UserError when the file exists (unless `existing` allows it) or its folder cannot be written. */
	static async open(path: string, existing: Existing): Promise<GrowingFile> {
		await requireFree(path, existing);
		try {
			await mkdir(dirname(path), { recursive: true });
			return new GrowingFile(path, await open(partialPath(path), 'w'));
		} catch (error) {
			throw writeFailure(path, error);
		}
	}

	async append(data: string | Uint8Array): Promise<void> {
		try {
			await this.file.appendFile(data);
		} catch (error) {
			throw writeFailure(this.path, error);
		}
	}

	async finish(): Promise<void> {
		await this.file.close();
		await rename(partialPath(this.path), this.path);
	}

	async abort(): Promise<void> {
		await this.file.close().catch(() => {});
		await rm(partialPath(this.path), { force: true });
	}
}

/** @throws UserError when there is something of that name that may not be replaced. */
export const requireFree = async (path: string, existing: Existing): Promise<void> => {
	const stats = await stat(path).catch(() => undefined);
	if (stats?.isDirectory()) {
		throw new UserError(`"${path}" is a folder; give the name of a ${extname(path)} file.`);
	}
	if (stats && existing === 'refuse') {
		throw new UserError(`"${path}" exists already; choose another name, or add --overwrite.`);
	}
};
