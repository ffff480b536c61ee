import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutMask, scaledMask, writeLoopedClip } from '../../bench/speed/looped-clip.js';
import { openClip } from '../../src/media/clip.js';
import { davisPalette } from '../../src/media/davis-palette.js';

const sample = fileURLToPath(new URL('../../samples/bear/clip.mp4', import.meta.url));

describe('clips and masks of the bench', () => {
	let folder: string;
	beforeAll(async () => {
		folder = await mkdtemp(join(tmpdir(), 'looped-'));
	});
	afterAll(() => rm(folder, { recursive: true }));

	it('have the size and exactly the number of frames asked for, past the turn and the loop', async () => {
		const target = join(folder, 'clip.mp4');
		await writeLoopedClip(sample, target, { width: 64, height: 36 }, 150);
		const sizes = [];
		for await (const { image } of (await openClip(target)).frames({})) {
			sizes.push([image.width, image.height]);
		}
		expect(sizes).toHaveLength(150);
		expect(sizes.at(-1)).toEqual([64, 36]);
	});

	it('cuts what is marked into objects of equal area', () => {
		const ids = Uint8Array.of(0, 7, 7, 0, 7, 7);
		const cut = cutMask({ width: 3, height: 2, ids, palette: davisPalette }, 2);
		expect([...cut.ids]).toEqual([0, 1, 2, 0, 1, 2]);
	});

	it('scales a mask without making new ids', () => {
		const mask = { width: 2, height: 1, ids: Uint8Array.of(0, 9), palette: davisPalette };
		expect([...scaledMask(mask, { width: 4, height: 2 }).ids]).toEqual([0, 0, 9, 9, 0, 0, 9, 9]);
	});
});
