import { join } from 'node:path';
import { promisify } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { deflateRaw, inflateRaw, type ZlibOptions } from 'node:zlib';
import { discard } from '../core/discard.js';
import { readOwnFile } from '../core/regular-file.js';
import { idCompression } from '../media/indexed-png.js';
import { makePrivateFolder, unsealed, writeCacheFile } from './cache-file.js';

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
 * A folder with a file for each frame. A file that can't be read, or is not what was put there, counts as absent. The results are plain
 * objects with typed arrays.
 *
 * @param spare where results go when the folder can't be written. Without it, `put` throws a UserError then
 */
export const openFrameStore = <Result>(folder: string, spare?: string): FrameStore<Result> => {
	const [first, second] = [openPlace(folder), spare === undefined ? undefined : openPlace(spare)];
	let place = first;
	const puts = new Map<number, Promise<void>>();
	const write = async (frame: number, result: Result): Promise<void> => {
		const bytes = serialize(await withBytes(result, (bytes) => deflate(bytes, idCompression)));
		await place.put(frame, bytes).catch(async (error: unknown) => {
			if (second === undefined || place === second) {
				throw error;
			}
			place = second;
			await second.put(frame, bytes);
		});
		discard([bytes]);
	};
	return {
		get: async (frame) => {
			await puts.get(frame)?.catch(() => {});
			const bytes = (await first.get(frame)) ?? (place === first ? undefined : await place.get(frame));
			if (bytes === undefined) {
				return undefined;
			}
			try {
				return await withBytes(
					deserialize(bytes) as Result,
					async (packed) =>
						// Copied, because what is inflated keeps all of a chunk alive.
						new Uint8Array(await inflate(packed, { chunkSize: CHUNK_BYTES })),
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

type Place = {
	get(frame: number): Promise<Uint8Array | undefined>;
	put(frame: number, bytes: Uint8Array): Promise<void>;
};

const openPlace = (folder: string): Place => {
	const fileOf = (frame: number): string => join(folder, `${frame}.bin`);
	let made: Promise<void> | undefined;
	return {
		get: async (frame) => {
			const path = fileOf(frame);
			const bytes = await readOwnFile(path).catch(() => undefined);
			return bytes && unsealed(path, bytes);
		},
		put: async (frame, bytes) => {
			made ??= makePrivateFolder(folder);
			await made;
			await writeCacheFile(fileOf(frame), bytes);
		},
	};
};

/**
 * The same result with its maps of bytes in another form. Nothing else is packed: numbers hardly get smaller, and trying to takes five times
 * as long as all the rest.
 */
const withBytes = async <Result>(
	result: Result,
	change: (bytes: Uint8Array) => Promise<Uint8Array>,
): Promise<Result> => {
	if (typeof result !== 'object' || result === null) {
		return result;
	}
	const changed = Object.entries(result).map(
		async ([name, value]) => [name, value instanceof Uint8Array ? await change(value) : value] as const,
	);
	return Object.fromEntries(await Promise.all(changed)) as Result;
};
