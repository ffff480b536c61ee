import { createHash } from 'node:crypto';
import { type FileHandle, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
	makeFolder,
	openTemporary,
	removeMade,
	syncFile,
	syncFolder,
	type WrittenFile,
	writeFailure,
} from '../core/atomic-file.js';
import { handled } from '../core/concurrency.js';
import { UserError } from '../core/errors.js';
import type { Frame } from '../core/frame.js';
import { readOwnFile } from '../core/regular-file.js';
import { clearLeftovers } from '../core/temporary-names.js';
import type { FrameNames } from '../media/frame-names.js';
import { anotherIsWriting } from './growing-file.js';
import type { Existing, FrameResult, VideoSink } from './video-sink.js';

/** By what a frame's file is known again. */
export type FrameRecord = { readonly bytes: number; readonly checksum: string };

const recordOfFrame = (data: Uint8Array): FrameRecord => ({
	bytes: data.length,
	checksum: createHash('sha256').update(data).digest('hex').slice(0, 32),
});

/** Whether a file holds what it held when it was complete. */
export const isIntact = async (path: string, { bytes, checksum }: FrameRecord): Promise<boolean> => {
	const data = await readOwnFile(path).catch(() => undefined);
	return data?.length === bytes && recordOfFrame(data).checksum === checksum;
};

/** What is written down of a folder's frames, for a later run. */
export type FrameNotes = {
	/** Frames that an earlier run has made, and that are still as they were. */
	readonly kept: ReadonlyMap<string, FrameRecord>;
	/** Told before the frames get their names. */
	record(frames: ReadonlyMap<string, FrameRecord>): Promise<void>;
};

/** So many frames wait for the disk at most; each is an open file. */
const MOST_WAITING = 32;

type Waiting = FrameRecord & { readonly name: string; readonly partial: string; readonly file: FileHandle };

/**
 * A folder with a picture for each frame. A frame gets its name when the disk has it: frames are stored beside the work on the next
 * ones, all at once that have come meanwhile, so that a slow disk has fewer and larger pieces to store.
 */
export class FrameFolder {
	readonly #waiting: Waiting[] = [];
	readonly #written = new Map<string, number>();
	#storing: Promise<void> | undefined;
	#failure: unknown;

	private constructor(
		readonly path: string,
		/** Under a temporary name: says that this process is writing here. */
		private readonly claim: string,
		/** The first folder of the path that was not there. */
		private readonly made: string | undefined,
		/** Frames that were there before. */
		private readonly present: readonly string[],
		private readonly existing: Existing,
		private readonly notes: FrameNotes | undefined,
	) {}

	/**
	 * @throws UserError when the folder can't be written, another process is writing there, or it holds frames already and `existing` is
	 *   `refuse`
	 */
	static async open(names: FrameNames, existing: Existing, notes?: FrameNotes): Promise<FrameFolder> {
		const path = names.folder;
		const own = names.isPattern ? basename(names.path) : 'frames';
		// Beside files of a pattern others may be at work, whose files are no business of this.
		const isOwn = (name: string): boolean => name === own || names.matches(name);
		let [claim, folders]: (string | undefined)[] = [];
		try {
			folders = await makeFolder(path);
			const made = await openTemporary(join(path, own));
			claim = made.partial;
			await made.file.close();
			const others = await clearLeftovers(path, names.isPattern ? isOwn : undefined, claim);
			if (others.length > 0) {
				throw anotherIsWriting(names.path, others);
			}
			const present = (await readdir(path)).filter((name) => names.matches(name));
			if (present.length > 0 && existing === 'refuse') {
				const frames = present.length === 1 ? 'frame' : 'frames';
				const ways = notes === undefined ? '--overwrite' : '--overwrite or --resume';
				throw new UserError(
					names.isPattern
						? `"${present[0]}" and what else "${names.path}" stands for (${present.length} in all) is there already; choose another name, or add ${ways}.`
						: `"${path}" holds ${present.length} ${frames} already; choose another folder, or add ${ways}.`,
				);
			}
			return new FrameFolder(path, claim, folders, present, existing, notes);
		} catch (error) {
			if (claim !== undefined) {
				await rm(claim, { force: true });
			}
			await removeMade(path, folders);
			throw writeFailure(path, error);
		}
	}

	/** Whether a frame is there from an earlier run: it stays as it is, and counts as written. */
	keeps(name: string): boolean {
		const kept = this.notes?.kept.get(name);
		if (kept !== undefined) {
			this.#written.set(name, kept.bytes);
		}
		return kept !== undefined;
	}

	async write(name: string, data: Uint8Array): Promise<void> {
		while (this.#waiting.length >= MOST_WAITING && this.#storing !== undefined) {
			await this.#storing;
		}
		this.#throwFailure();
		const path = join(this.path, name);
		try {
			const { partial, file } = await openTemporary(path);
			const waiting: Waiting = { name, partial, file, ...recordOfFrame(data) };
			await file.writeFile(data).catch(async (error: unknown) => {
				await forget([waiting]);
				throw error;
			});
			this.#waiting.push(waiting);
		} catch (error) {
			throw writeFailure(path, error);
		}
		this.#storing ??= handled(this.#store());
	}

	/**
	 * Waits until the disk has every frame. When overwriting, frames of a longer clip go, which would pass for this one's.
	 *
	 * @returns every frame that was written or kept
	 */
	async finish(): Promise<readonly WrittenFile[]> {
		await this.#storing;
		this.#throwFailure();
		const others =
			this.existing === 'overwrite' ? this.present.filter((name) => !this.#written.has(name)) : [];
		await Promise.all(others.map((name) => rm(join(this.path, name), { force: true })));
		await rm(this.claim, { force: true });
		return [...this.#written].map(([name, bytes]) => ({ path: join(this.path, name), bytes }));
	}

	/** Frames that are complete stay; a folder that was made for nothing goes. */
	async abort(): Promise<void> {
		await this.#storing?.catch(() => {});
		await forget(this.#waiting.splice(0));
		await rm(this.claim, { force: true });
		await removeMade(this.path, this.made);
	}

	async #store(): Promise<void> {
		try {
			while (this.#waiting.length > 0) {
				await this.#storeBatch(this.#waiting.splice(0));
			}
		} catch (error) {
			this.#failure ??= error;
		} finally {
			this.#storing = undefined;
		}
	}

	async #storeBatch(batch: readonly Waiting[]): Promise<void> {
		try {
			for (const { file } of batch) {
				await syncFile(file);
				await file.close();
			}
			await this.notes?.record(new Map(batch.map(({ name, ...record }) => [name, record])));
			for (const { name, partial, bytes } of batch) {
				await rename(partial, join(this.path, name));
				this.#written.set(name, bytes);
			}
			await syncFolder(this.path);
		} catch (error) {
			await forget(batch);
			throw writeFailure(this.path, error);
		}
	}

	#throwFailure(): void {
		if (this.#failure !== undefined) {
			throw this.#failure;
		}
	}
}

const forget = async (files: readonly Waiting[]): Promise<void> => {
	for (const { file, partial } of files) {
		await file.close().catch(() => {});
		await rm(partial, { force: true }).catch(() => {});
	}
};

export type FrameSequenceOptions = {
	readonly existing?: Existing | undefined;
	readonly notes?: FrameNotes | undefined;
	/** Of a frame in its file's name; where it is left out, that of the source, or frames are counted from 0. */
	readonly numberOf?: ((frame: Frame, names: FrameNames) => number) | undefined;
};

/**
 * A picture for each frame, in files of their own. Frames that the notes keep stay as they are.
 *
 * @param encode the file of a frame
 * @throws UserError as {@link FrameFolder.open}
 */
export const openFrameSequence = async (
	names: FrameNames,
	encode: (result: FrameResult) => Promise<Uint8Array>,
	{ existing = 'refuse', notes, numberOf = ({ number, index }) => number ?? index }: FrameSequenceOptions,
): Promise<VideoSink> => {
	const folder = await FrameFolder.open(names, existing, notes);
	return {
		write: async (result) => {
			const name = names.nameOf(numberOf(result.frame, names));
			if (!folder.keeps(name)) {
				await folder.write(name, await encode(result));
			}
		},
		finish: () => folder.finish(),
		abort: () => folder.abort(),
	};
};
