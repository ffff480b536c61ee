import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Raster } from '../media/frame.js';
import { fromHalves, toHalves } from '../models/half-precision.js';
import { propagateHome } from '../models/locations.js';
import type { Manifest } from '../models/manifest.js';
import { formatNpy } from '../models/npy.js';
import { cacheShare } from '../store/cache.js';
import { makePrivateFolder, writeCacheFile } from '../store/cache-file.js';
import { forgetOldest } from '../store/forget-oldest.js';
import type { ExtractorOptions } from './diffusion-extractor.js';
import type { DescriptorExtractor } from './extractor.js';
import { readMap } from './map-reader.js';

/** How many maps a {@link CachedExtractor} took from where. */
export type CacheCounts = {
	/** Run through the model. */
	computed: number;
	/** Read from disk. */
	read: number;
};

/** An extractor that remembers on disk: each image is computed once for each model, whatever its file is called. */
export type CachedExtractor = DescriptorExtractor & {
	readonly counts: Readonly<CacheCounts>;
	/** For {@link readMap}. */
	fileOf(image: Raster<3>): Promise<string | undefined>;
};

/** Where descriptor maps are kept; safe to delete at any time. */
export const descriptorCacheFolder = (env: NodeJS.ProcessEnv = process.env): string =>
	join(propagateHome(env), 'descriptors');

/** What makes two models' descriptors differ: all of the manifest, checksums of the weights included, and the precision. */
export const modelIdentity = (
	manifest: Manifest,
	{ precision = 'full', recipe }: ExtractorOptions = {},
): string =>
	createHash('sha256')
		.update(JSON.stringify([manifest, precision, recipe ?? null]))
		.digest('hex')
		.slice(0, 16);

const contentHash = ({ width, height, data }: Raster<3>): string =>
	createHash('sha256').update(`${width}x${height}:`).update(data).digest('hex');

/**
 * Puts a disk cache before an extractor. Maps are stored as float16 `.npy` [1, C, H, W] with a checksum behind, and given out with the same
 * rounding when they are new, so that a run that reads them gives the same bytes as one that computes them. The key is the hash of the
 * pixels and the model's identity; a damaged file counts as absent, and where the folder can't be written nothing is kept. Several processes
 * may share the folder.
 *
 * @param mostBytes how much is left there at most
 */
export const cachedExtractor = async (
	extractor: DescriptorExtractor,
	identity: string,
	folder: string = descriptorCacheFolder(),
	mostBytes: number = Number.POSITIVE_INFINITY,
): Promise<CachedExtractor> => {
	const counts: CacheCounts = { computed: 0, read: 0 };
	const modelFolder = join(folder, identity);
	const files = new WeakMap<Raster<3>, string>();
	const pathOf = (image: Raster<3>): string => {
		const file = files.get(image) ?? join(modelFolder, `${contentHash(image)}.npy`);
		files.set(image, file);
		return file;
	};
	const fileOf = async (image: Raster<3>): Promise<string | undefined> => {
		const path = pathOf(image);
		try {
			// Asked for every frame, and much quicker than by way of another thread.
			return statSync(path, { throwIfNoEntry: false })?.isFile() ? path : undefined;
		} catch {
			return undefined;
		}
	};
	await forgetOldest(folder, await cacheShare('descriptors'));
	let room = (await canKeep([folder, modelFolder])) ? mostBytes : 0;
	const keep = async (path: string, npy: Uint8Array): Promise<void> => {
		if (npy.length <= room) {
			room -= npy.length;
			await writeCacheFile(path, npy).catch(() => {
				room = 0;
			});
		}
	};
	return {
		channels: extractor.channels,
		counts,
		fileOf,
		prepare: async (image) => {
			if ((await fileOf(image)) === undefined) {
				await extractor.prepare?.(image);
			}
		},
		extract: async (image) => {
			const path = pathOf(image);
			const known = await readMap(path);
			if (known !== undefined) {
				counts.read++;
				return known;
			}
			const map = await extractor.extract(image);
			counts.computed++;
			const halves = toHalves(map.data);
			await keep(path, formatNpy(halves, [1, map.channels, map.height, map.width]));
			fromHalves(halves, map.data);
			return map;
		},
		close: async () => {
			await extractor.close();
			await forgetOldest(folder, await cacheShare('descriptors'));
		},
	};
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
