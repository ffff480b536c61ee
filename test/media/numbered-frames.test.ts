import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { settleNumbers } from '../../src/jobs/source-numbers.js';
import { openClip } from '../../src/media/clip.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { openSink } from '../../src/output/encode.js';
import { resolveFormat } from '../../src/output/output-format.js';
import { collect } from '../helpers/collect.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const picture = await sharp({ create: { width: 8, height: 6, channels: 3, background: 'grey' } })
	.png()
	.toBuffer();

const folderOf = (...names: string[]): string => {
	const folder = join(temporaryFolder(), 'frames');
	mkdirSync(folder);
	for (const name of names) {
		writeFileSync(join(folder, name), picture);
	}
	return folder;
};

describe('a folder of numbered frames', () => {
	test('keeps the numbers, tells gaps and leaves out what is no frame', async () => {
		const folder = folderOf('f.1001.png', 'f.1002.png', 'f.1004.png', 'f.1009.png', 'mask.png');
		const clip = await openClip(folder);
		expect(clip.numbers).toEqual([1001, 1002, 1004, 1009]);
		expect(clip.notes).toHaveLength(2);
		expect(clip.notes?.[0]).toContain('"mask.png" is no frame');
		expect(clip.notes?.[1]).toContain('frames are missing: 1003, 1005 to 1008');
		const frames = await collect(clip.frames());
		expect(frames.map(({ index, number }) => [index, number])).toEqual([
			[0, 1001],
			[1, 1002],
			[2, 1004],
			[3, 1009],
		]);
	});

	test('gives its results the same numbers', async () => {
		const clip = await openClip(folderOf('shot_1001.png', 'shot_1002.png'));
		const output = join(temporaryFolder(), 'out');
		const sink = await openSink(await resolveFormat(output), { clip: clip.info });
		for await (const frame of clip.frames()) {
			const labels = { width: 8, height: 6, ids: new Uint8Array(48), palette: davisPalette };
			await sink.write({ frame, labels });
		}
		await sink.finish();
		expect(readdirSync(output).sort()).toEqual(['01001.png', '01002.png']);
	});

	test('is cut and painted by these numbers', async () => {
		const clip = await openClip(folderOf('f.1001.png', 'f.1002.png', 'f.1004.png', 'f.1005.png'));
		const settled = settleNumbers(clip, { start: { frame: 1002 }, end: { frame: 1005 } }, [
			{ frame: 0, path: 'first.png' },
			{ frame: 1004, path: 'later.png' },
		]);
		expect(settled.range).toMatchObject({ start: { frame: 1 }, end: { frame: 3 } });
		expect(settled.masks.map(({ frame }) => frame)).toEqual([0, 1]);
		expect((await collect(clip.frames(settled.range))).map(({ number }) => number)).toEqual([1002, 1004]);
		for (const frame of [1001, 1003, 2]) {
			expect(() => settleNumbers(clip, { start: { frame: 1002 } }, [{ frame, path: 'm.png' }])).toThrow(
				/does not have.*its frames are 1002 to 1005/,
			);
		}
	});

	test('has the rate that is asked for, 25 without', async () => {
		const folder = folderOf('0001.png', '0002.png', '0003.png');
		expect((await openClip(folder)).info.frameRate).toBe(25);
		const clip = await openClip(folder, { frameRate: 24000 / 1001 });
		expect(clip.info.frameRate).toBeCloseTo(23.976, 3);
		expect((await collect(clip.frames())).map(({ timeSeconds }) => timeSeconds)[2]).toBeCloseTo(
			2 / 23.976,
			4,
		);
	});

	test('is not guessed where there are two', async () => {
		const folder = folderOf('a.1.png', 'a.2.png', 'a.3.png', 'b.1.png', 'b.2.png', 'b.3.png');
		await expect(openClip(folder)).rejects.toThrow(/holds several sequences, "a\.%d\.png" and "b\.%d\.png"/);
		const one = await openClip(join(folder, 'b.%d.png'));
		expect(one.files).toHaveLength(3);
		expect(one.numbers).toEqual([0, 1, 2]);
	});

	test('need not have numbers', async () => {
		const clip = await openClip(folderOf('a.png', 'b.png', 'c.png'));
		expect(clip.numbers).toBeUndefined();
		expect(clip.files).toHaveLength(3);
		expect(settleNumbers(clip, {}, [{ frame: 2, path: 'm.png' }]).masks[0]?.frame).toBe(2);
	});

	test('may mix formats, but not two pictures of one frame', async () => {
		const clip = await openClip(folderOf('f1.webp', 'f2.png', 'f3.png'));
		expect(clip.files).toHaveLength(3);
		const twice = folderOf('f0.jpg', 'f1.jpg', 'f0.png', 'f1.png');
		await expect(openClip(twice)).rejects.toThrow(/several sequences, "f%d\.jpg" and "f%d\.png"/);
	});

	test('orders by number, not by text', async () => {
		const clip = await openClip(folderOf('frame9.png', 'frame10.png', 'frame1.png'));
		// Counted from 1 as ffmpeg does, frames are the same as those of the video.
		expect(clip.numbers).toEqual([0, 8, 9]);
	});
});
