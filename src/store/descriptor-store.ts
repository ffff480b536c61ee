import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { DescriptorExtractor, DescriptorMap } from '../core/descriptor-map.js';
import type { Raster } from '../core/frame.js';
import { readOwnFile } from '../core/regular-file.js';
import { cacheShare, forgetOldest } from './cache.js';
import { makePrivateFolder, unsealed, writeCacheFile } from './cache-file.js';
import { mapOfArray } from './descriptor-file.js';
import { fromHalves, toHalves } from './half-precision.js';
import { propagateHome } from './locations.js';
import { formatNpy, parseNpy } from './npy.js';
import { fingerprint, pixelsIdentity } from './run-identity.js';

/** Where descriptor maps are kept; safe to delete at any time. */
const descriptorsFolder = (env: NodeJS.ProcessEnv = process.env): string =>
	join(propagateHome(env), 'descriptors');

/** How many maps a {@link StoredExtractor} took from where. */
export type DescriptorCounts = {
	/** Run through the model. */
	computed: number;
	/** Read from disk. */
	read: number;
};

/** An extractor that remembers on disk: each image is computed once for each model, whatever its file is called. */
export type StoredExtractor = DescriptorExtractor & { readonly counts: Readonly<DescriptorCounts> };

export type DescriptorStoreOptions = {
	/** Undefined: the one of {@link descriptorsFolder}; null: nothing is read or kept, and maps are the same as if they were. */
	readonly folder?: string | null | undefined;
	/** How much is left there at most. */
	readonly mostBytes?: number | undefined;
	/** Each image is described once for as long as it is in memory, for several who look at the same ones. */
	readonly isShared?: boolean | undefined;
};

/**
 * Puts a store on disk before an extractor. Maps are stored as float16 `.npy` [1, C, H, W] with a checksum behind, and given out with the same
 * rounding when they are new, so that a run that reads them gives the same bytes as one that computes them. The key is the hash of the
 * pixels and the model's identity; a damaged file counts as absent, and where the folder can't be written nothing is kept. Several processes
 * may share the folder.
 *
 * @param identity equal where descriptors are
 */
export const storedExtractor = async (
	extractor: DescriptorExtractor,
	identity: string,
	{
		folder = descriptorsFolder(),
		mostBytes = Number.POSITIVE_INFINITY,
		isShared = false,
	}: DescriptorStoreOptions = {},
): Promise<StoredExtractor> => {
	const counts: DescriptorCounts = { computed: 0, read: 0 };
	const place = folder === null ? undefined : await openPlace(folder, identity, mostBytes);
	const extract = async (image: Raster<3>): Promise<DescriptorMap> => {
		const path = place?.pathOf(image);
		const known = path === undefined ? undefined : await readMap(path);
		if (known !== undefined) {
			counts.read++;
			return known;
		}
		const map = await extractor.extract(image);
		counts.computed++;
		const halves = toHalves(map.data);
		if (path !== undefined) {
			await place?.keep(path, formatNpy(halves, [1, map.channels, map.height, map.width]));
		}
		fromHalves(halves, map.data);
		return map;
	};
	const inMemory = new WeakMap<Raster<3>, Promise<DescriptorMap>>();
	return {
		channels: extractor.channels,
		counts,
		extract: !isShared
			? extract
			: async (image) => {
					const described = inMemory.get(image) ?? extract(image);
					inMemory.set(image, described);
					const map = await described;
					// Each caller's map is its own.
					return { ...map, data: map.data.slice() };
				},
		close: async () => {
			await extractor.close();
			await place?.tidy();
		},
	};
};

const openPlace = async (folder: string, identity: string, mostBytes: number) => {
	const modelFolder = join(folder, identity);
	const tidy = async (): Promise<void> => forgetOldest(folder, await cacheShare('descriptors'));
	await tidy();
	let room = (await canKeep([folder, modelFolder])) ? mostBytes : 0;
	return {
		pathOf: (image: Raster<3>): string => join(modelFolder, `${pixelsIdentity(image, image.data)}.npy`),
		keep: async (path: string, npy: Uint8Array): Promise<void> => {
			if (npy.length <= room) {
				room -= npy.length;
				await writeCacheFile(path, npy).catch(() => {
					room = 0;
				});
			}
		},
		tidy,
	};
};

/** A map that the store holds; undefined when there is none at this path, or none that can be read. */
export const readMap = async (path: string): Promise<DescriptorMap | undefined> => {
	try {
		const npy = unsealed(path, await readOwnFile(path));
		const map = npy && mapOfArray(parseNpy(npy));
		if (map !== undefined) {
			const now = new Date();
			await utimes(path, now, now).catch(() => {}); // Used just now: the last to be forgotten.
		}
		return map;
	} catch {
		return undefined;
	}
};

const canKeep = async (folders: readonly string[]): Promise<boolean> => {
	try {
		for (const folder of folders) {
			await makePrivateFolder(folder);
		}
		return true;
	} catch {
		return false;
	}
};

/** What makes two models' descriptors differ: all of the manifest, checksums of the weights included, and how they are used. */
export const descriptorIdentity = (manifest: unknown, precision = 'full', recipe: unknown = null): string =>
	fingerprint([manifest, precision, recipe]).slice(0, 16);
