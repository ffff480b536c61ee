import { createHash, randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFailure } from '../media/atomic-file.js';
import type { Raster } from '../media/frame.js';
import { fromHalves, toHalves } from '../models/half-precision.js';
import { propagateHome } from '../models/locations.js';
import type { Manifest } from '../models/manifest.js';
import { formatNpy } from '../models/npy.js';
import type { DescriptorMap } from './descriptor-map.js';
import type { ExtractorOptions } from './diffusion-extractor.js';
import type { DescriptorExtractor } from './extractor.js';
import { readMap } from './map-reader.js';

/** When it is opened, the cache forgets what was used longest ago until it is no larger than this. */
const MAX_BYTES = 4 * 2 ** 30;

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
 * Puts a disk cache before an extractor. Maps are stored as float16 `.npy` [1, C, H, W], and given out with the same rounding when
 * they are new, so that a run that reads them gives the same bytes as one that computes them. The key is the hash of the pixels and the model's identity; a
 * damaged file counts as absent. Several processes may share the folder.
 *
 * @throws UserError from `extract` when the folder cannot be written
 */
export const cachedExtractor = async (
	extractor: DescriptorExtractor,
	identity: string,
	folder: string = descriptorCacheFolder(),
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
		// Asked for every frame, and much quicker than by way of another thread.
		return statSync(path, { throwIfNoEntry: false })?.isFile() ? path : undefined;
	};
	await forgetOldest(folder, MAX_BYTES);
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
			await writeMap(modelFolder, path, halves, map);
			fromHalves(halves, map.data);
			return map;
		},
		close: () => extractor.close(),
	};
};

const writeMap = async (
	folder: string,
	path: string,
	halves: Uint16Array,
	{ channels, height, width }: DescriptorMap,
): Promise<void> => {
	// A name of its own, because another process may be writing the same map.
	const partial = join(folder, `${randomUUID()}.partial`);
	try {
		await mkdir(folder, { recursive: true });
		await writeFile(partial, formatNpy(halves, [1, channels, height, width]));
		await rename(partial, path);
	} catch (error) {
		await rm(partial, { force: true }).catch(() => {});
		throw writeFailure(path, error);
	}
};

/** Deletes the maps used longest ago until the rest is at most `maxBytes`. */
export const forgetOldest = async (folder: string, maxBytes: number): Promise<void> => {
	const names = await readdir(folder, { recursive: true }).catch(() => []);
	const files = await Promise.all(
		names.map(async (name) => {
			const path = join(folder, name);
			const found = await stat(path).catch(() => undefined);
			return found?.isFile() ? [{ path, bytes: found.size, used: found.mtimeMs }] : [];
		}),
	);
	const oldestFirst = files.flat().sort((a, b) => a.used - b.used);
	let total = oldestFirst.reduce((sum, { bytes }) => sum + bytes, 0);
	for (const { path, bytes } of oldestFirst) {
		if (total <= maxBytes) {
			break;
		}
		await rm(path, { force: true });
		total -= bytes;
	}
};
