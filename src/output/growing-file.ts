import { type FileHandle, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
	makeFolder,
	openTemporary,
	publish,
	removeMade,
	requireFree,
	syncPath,
	type WrittenFile,
	writeFailure,
} from '../core/atomic-file.js';
import { UserError } from '../core/errors.js';
import { clearLeftoversOf } from '../core/temporary-names.js';
import type { Existing } from './video-sink.js';

/** The place of a file that takes long to write: under a name of its own until it is complete. */
export class ReservedFile {
	private constructor(
		private readonly path: string,
		/** Where to write. */
		readonly partial: string,
		private readonly replaces: boolean,
		/** The first folder of the path that was not there. */
		private readonly made: string | undefined,
	) {}

	/**
	 * Learns before any work whether the file can be written.
	 *
	 * @throws UserError when the file exists (unless `existing` allows it), another process is writing it, or its folder can't be written
	 */
	static async take(path: string, existing: Existing): Promise<{ place: ReservedFile; file: FileHandle }> {
		await requireFree([path], existing !== 'refuse');
		let made: string | undefined;
		try {
			made = await makeFolder(dirname(path));
			// Made before others are looked for: of two that begin at once, at least one sees the other.
			const { partial, file } = await openTemporary(path);
			const others = await clearLeftoversOf(path, partial);
			if (others.length > 0) {
				await file.close();
				await rm(partial, { force: true });
				throw anotherIsWriting(path, others);
			}
			return { place: new ReservedFile(path, partial, existing !== 'refuse', made), file };
		} catch (error) {
			await removeMade(dirname(path), made);
			throw writeFailure(path, error);
		}
	}

	/** Gives the complete file its name, when the disk has it. */
	async finish(): Promise<WrittenFile> {
		await syncPath(this.partial);
		return publish(this.partial, this.path, this.replaces);
	}

	async abort(): Promise<void> {
		await rm(this.partial, { force: true });
		await removeMade(dirname(this.path), this.made);
	}
}

/** @param at processes that are writing there, this one among them where two outputs of a run have one place */
export const anotherIsWriting = (path: string, at: readonly number[]): UserError =>
	new UserError(
		at.includes(process.pid)
			? `"${path}" would be written twice; name each output once, and none within another.`
			: `"${path}" is being written by another run at this moment (process ${at[0]}); wait for its end, or choose another name.`,
		{ cause: Object.assign(new Error('in use'), { code: 'EBUSY' }) },
	);

/** A file that is written piece by piece and appears under its own name when it is complete. */
export class GrowingFile {
	private constructor(
		private readonly path: string,
		private readonly place: ReservedFile,
		private readonly file: FileHandle,
	) {}

	/** @throws UserError as {@link ReservedFile.take} */
	static async open(path: string, existing: Existing): Promise<GrowingFile> {
		const { place, file } = await ReservedFile.take(path, existing);
		return new GrowingFile(path, place, file);
	}

	async append(data: string | Uint8Array): Promise<void> {
		try {
			await this.file.appendFile(data);
		} catch (error) {
			throw writeFailure(this.path, error);
		}
	}

	async finish(): Promise<WrittenFile> {
		try {
			await this.file.close();
			return await this.place.finish();
		} catch (error) {
			throw writeFailure(this.path, error);
		}
	}

	async abort(): Promise<void> {
		await this.file.close().catch(() => {});
		await this.place.abort();
	}
}
