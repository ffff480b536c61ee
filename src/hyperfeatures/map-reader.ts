import { closeSync, fstatSync, openSync, readSync, utimesSync } from 'node:fs';
import { readFile, utimes } from 'node:fs/promises';
import { parseNpy } from '../models/npy.js';
import { unsealed } from '../store/cache-file.js';
import { mapOfArray } from './descriptor-file.js';
import type { DescriptorMap } from './descriptor-map.js';

const mapIn = (path: string, bytes: Uint8Array): DescriptorMap | undefined => {
	const npy = unsealed(path, bytes);
	return npy && mapOfArray(parseNpy(npy));
};

/** A map that the cache holds; undefined when there is none at this path, or none that can be read. */
export const readMap = async (path: string): Promise<DescriptorMap | undefined> => {
	try {
		const map = mapIn(path, await readFile(path));
		if (map !== undefined) {
			const now = new Date();
			await utimes(path, now, now).catch(() => {}); // Used just now: the last to be forgotten.
		}
		return map;
	} catch {
		return undefined;
	}
};

/** Used just now: the last to be forgotten. */
const touch = (path: string): void => {
	const now = new Date();
	try {
		utimesSync(path, now, now);
	} catch {
		// A cache that can only be read is of use, too.
	}
};

/**
 * Reads maps that are used up one after the other: fresh memory for each takes as long as reading it. For a thread that has nothing
 * else to do meanwhile, so the file's calls need not go by way of another one.
 */
export class MapReader {
	#room = Buffer.alloc(0);

	/** As {@link readMap}, but valid only until the next one is read. */
	read(path: string): DescriptorMap | undefined {
		try {
			const map = mapIn(path, this.#readBytes(path));
			if (map !== undefined) {
				touch(path);
			}
			return map;
		} catch {
			return undefined;
		}
	}

	#readBytes(path: string): Buffer {
		const file = openSync(path, 'r');
		try {
			const { size } = fstatSync(file);
			if (size !== this.#room.length) {
				this.#room = Buffer.alloc(size);
			}
			if (readSync(file, this.#room, 0, size, 0) !== size) {
				throw new Error(`${path} has become shorter while it was read.`);
			}
			return this.#room;
		} finally {
			closeSync(file);
		}
	}
}
