import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { deflateRaw, inflateRaw, type ZlibOptions } from 'node:zlib';
import { discard } from '../discard.js';
import { writeFailure } from '../media/atomic-file.js';
import { idCompression } from '../media/indexed-png.js';

const deflate = promisify<Uint8Array, ZlibOptions, Buffer>(deflateRaw);
const inflate = promisify<Uint8Array, ZlibOptions, Buffer>(inflateRaw);

/** Inflated in one piece, and not in dozens of small ones that each go to another thread and back: some bytes more than a 480p frame. */
const CHUNK_BYTES = 2 ** 20;

/** Results by frame number, on disk: they outlive the run, and a long clip's do not fill memory. */
export type FrameStore<Result> = {
	/** Waits for a frame that is being put. */
	get(frame: number): Promise<Result | undefined>;
	put(frame: number, result: Result): Promise<void>;
};

/**
 * A folder with a file for each frame. Files are renamed into place, so one that is there is complete; one that
 * can't be read counts as absent. The results are plain objects with typed arrays.
 *
 * `put` throws a UserError when the place is read-only or full.
 */
export const openFrameStore = <Result>(folder: string): FrameStore<Result> => {
	const fileOf = (frame: number): string => join(folder, `${frame}.bin`);
	let made: Promise<unknown> | undefined;
	const puts = new Map<number, Promise<void>>();
	const write = async (frame: number, result: Result): Promise<void> => {
		const partial = join(folder, `${randomUUID()}.partial`);
		try {
			made ??= mkdir(folder, { recursive: true });
			await made;
			const bytes = serialize(await withIds(result, (ids) => deflate(ids, idCompression)));
			await writeFile(partial, bytes);
			discard([bytes]);
			await rename(partial, fileOf(frame));
		} catch (error) {
			await rm(partial, { force: true }).catch(() => {});
			throw writeFailure(fileOf(frame), error);
		}
	};
	return {
		get: async (frame) => {
			await puts.get(frame)?.catch(() => {});
			try {
				const stored = deserialize(await readFile(fileOf(frame))) as Result;
				return await withIds(
					stored,
					async (ids) =>
						// Copied, because what is inflated keeps all of a chunk alive.
						new Uint8Array(await inflate(ids, { chunkSize: CHUNK_BYTES })),
				);
			} catch {
				return undefined;
			}
		},
		put: (frame, result) => {
			const put = write(frame, result).finally(() => puts.delete(frame));
			puts.set(frame, put);
			return put;
		},
	};
};

/**
 * The same result with its map of ids, if it has one, in another form. Nothing else is packed: numbers hardly get smaller, and trying to takes
 * five times as long as all the rest.
 */
const withIds = async <Result>(
	result: Result,
	change: (ids: Uint8Array) => Promise<Uint8Array>,
): Promise<Result> =>
	typeof result === 'object' && result !== null && 'ids' in result && result.ids instanceof Uint8Array
		? { ...result, ids: await change(result.ids) }
		: result;
