import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { DescriptorExtractor } from '../../src/core/descriptor-map.js';
import { forgetOldest } from '../../src/store/cache.js';
import { SEAL_BYTES } from '../../src/store/cache-file.js';
import { storedExtractor } from '../../src/store/descriptor-store.js';
import { parseNpy } from '../../src/store/npy.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { texture } from '../helpers/textures.js';
import { randomMap } from '../pairs/maps.js';

/** Describes every image differently, and counts. */
const counting = (): DescriptorExtractor & { calls: number } => ({
	calls: 0,
	channels: 4,
	async extract(image) {
		this.calls++;
		return randomMap(4, 3, 5, image.data[0] ?? 0);
	},
	close: async () => {},
});

const filesOf = (folder: string): string[] =>
	readdirSync(folder, { recursive: true })
		.map(String)
		.filter((name) => name.endsWith('.npy'))
		.map((name) => join(folder, name));

describe('the descriptor cache', () => {
	it('computes an image once, also for a later run, and gives the same numbers', async () => {
		const folder = temporaryFolder();
		const model = counting();
		const image = texture(20, 12);
		const first = await (await storedExtractor(model, 'model', { folder })).extract(image);
		const later = await storedExtractor(model, 'model', { folder });
		// Equal pixels in another place in memory: it is the content that counts.
		const again = await later.extract({ ...image, data: image.data.slice() });
		expect(again).toEqual(first);
		expect(model.calls).toBe(1);
		expect(later.counts).toEqual({ computed: 0, read: 1 });
	});

	it('keeps models and images apart', async () => {
		const folder = temporaryFolder();
		const model = counting();
		const image = texture(20, 12);
		await (await storedExtractor(model, 'one', { folder })).extract(image);
		await (await storedExtractor(model, 'two', { folder })).extract(image);
		// The same bytes in another shape are another image.
		await (await storedExtractor(model, 'two', { folder })).extract({ ...image, width: 12, height: 20 });
		expect(model.calls).toBe(3);
	});

	it('stores float16 .npy, gives a new map out as it will be read, and computes again what is damaged', async () => {
		const folder = temporaryFolder();
		const model = counting();
		const cache = await storedExtractor(model, 'model', { folder });
		const map = await cache.extract(texture(20, 12));
		const [file = ''] = filesOf(folder);
		expect(readFileSync(file).length).toBe(128 + 2 * 4 * 3 * 5 + SEAL_BYTES);
		expect(parseNpy(readFileSync(file).subarray(0, -SEAL_BYTES))).toEqual({
			shape: [1, 4, 3, 5],
			data: map.data,
		});
		writeFileSync(file, readFileSync(file).subarray(0, 100));
		expect(await cache.extract(texture(20, 12))).toEqual(map);
		expect(cache.counts.computed).toBe(2);
	});

	it('forgets what was used longest ago', async () => {
		const folder = temporaryFolder();
		const cache = await storedExtractor(counting(), 'model', { folder });
		for (const seed of [1, 2, 3]) {
			await cache.extract(texture(20, 12, seed));
		}
		const files = filesOf(folder);
		for (const [age, file] of files.entries()) {
			utimesSync(file, 1000 - age, 1000 - age);
		}
		const bytes = readFileSync(files[0] ?? '').length;
		await forgetOldest(folder, 2 * bytes);
		expect(filesOf(folder).sort()).toEqual(files.slice(0, 2).sort());
	});
});
