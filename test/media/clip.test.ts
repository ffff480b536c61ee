import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { openClip } from '../../src/media/clip.js';
import { parsePosition } from '../../src/media/position.js';
import { collect } from '../helpers/collect.js';
import { makeClip } from '../helpers/ffmpeg.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/** A flat image whose red value tells which it is. */
const writeFlat = async (path: string, red: number, width = 8, height = 6): Promise<void> => {
	await sharp({ create: { width, height, channels: 3, background: { r: red, g: 0, b: 0 } } }).toFile(path);
};

const redOf = (frame: { image: { data: Uint8Array } }): number | undefined => frame.image.data[0];

describe('opening a clip', () => {
	test('a folder of images is a clip in natural order', async () => {
		const folder = temporaryFolder();
		await writeFlat(join(folder, 'frame10.png'), 30);
		await writeFlat(join(folder, 'frame2.png'), 20);
		await writeFlat(join(folder, 'frame1.webp'), 10);
		writeFileSync(join(folder, 'notes.txt'), 'not a frame');

		const clip = await openClip(folder);
		expect(clip).toMatchObject({
			kind: 'images',
			info: { width: 8, height: 6, estimatedFrames: 3, frameRate: 25 },
		});
		const frames = await collect(clip.frames());
		expect(frames.map((frame) => [frame.index, frame.timeSeconds])).toEqual([
			[0, 0],
			[1, 0.04],
			[2, 0.08],
		]);
		expect(redOf({ image: { data: frames[1]?.image.data ?? new Uint8Array() } })).toBe(20);
		expect(redOf({ image: { data: frames[2]?.image.data ?? new Uint8Array() } })).toBe(30);
	});

	test('a pattern picks some of the images', async () => {
		const folder = temporaryFolder();
		for (const name of ['a001.png', 'a002.png', 'b001.png']) {
			await writeFlat(join(folder, name), 1);
		}
		expect((await openClip(join(folder, 'a*.png'))).info.estimatedFrames).toBe(2);
		expect((await openClip(join(folder, 'a%03d.png'))).info.estimatedFrames).toBe(2);
		expect((await openClip(join(folder, '?001.png'))).info.estimatedFrames).toBe(2);
		await expect(openClip(join(folder, 'c*.png'))).rejects.toThrow(/holds no images/);
	});

	test('ranges are by frame number or time', async () => {
		const folder = temporaryFolder();
		for (let n = 0; n < 6; n++) {
			await writeFlat(join(folder, `${n}.png`), n);
		}
		const clip = await openClip(folder, { frameRate: 10 });
		const range = { start: parsePosition('2'), end: parsePosition('0.5s') };
		const frames = await collect(clip.frames(range));
		expect(frames.map((frame) => [frame.index, frame.timeSeconds, redOf(frame)])).toEqual([
			[0, 0.2, 2],
			[1, 0.3, 3],
			[2, 0.4, 4],
		]);
		await expect(collect(clip.frames({ start: { frame: 6 } }))).rejects.toThrow(/it has 6 frames/);
	});

	test('photographs are turned upright', async () => {
		const folder = temporaryFolder();
		await sharp({ create: { width: 8, height: 6, channels: 3, background: 'red' } })
			.withMetadata({ orientation: 6 })
			.toFile(join(folder, 'photo.jpg'));
		const clip = await openClip(folder);
		expect(clip.info).toMatchObject({ width: 6, height: 8 });
		expect((await collect(clip.frames()))[0]?.image).toMatchObject({ width: 6, height: 8 });
	});

	test('sixteen bits, grey and alpha become eight-bit colours', async () => {
		const folder = temporaryFolder();
		await sharp(new Uint16Array(48).fill(0x8080), { raw: { width: 8, height: 6, channels: 1 } })
			.toColourspace('grey16')
			.png()
			.toFile(join(folder, '0.png'));
		await sharp({
			create: { width: 8, height: 6, channels: 4, background: { r: 9, g: 8, b: 7, alpha: 0.5 } },
		})
			.png()
			.toFile(join(folder, '1.png'));
		const [grey, clear] = await collect((await openClip(folder)).frames());
		expect([...(grey?.image.data.subarray(0, 3) ?? [])]).toEqual([128, 128, 128]);
		expect(clear?.image.data).toHaveLength(8 * 6 * 3);
		expect([...(clear?.image.data.subarray(0, 3) ?? [])]).toEqual([9, 8, 7]);
	});

	test('an image of another size is named', async () => {
		const folder = temporaryFolder();
		await writeFlat(join(folder, '0.png'), 1);
		await writeFlat(join(folder, '1.png'), 1, 8, 7);
		await expect(openClip(folder)).rejects.toThrow(/1\.png" is 8×7, but "0\.png" is 8×6/);
	});

	test('an image that cannot be read is named', async () => {
		const folder = temporaryFolder();
		await writeFlat(join(folder, '0.png'), 1);
		writeFileSync(join(folder, '1.png'), 'no image');
		await expect(openClip(folder)).rejects.toThrow(/1\.png" is not an image/);
	});

	test('an empty folder is refused', async () => {
		await expect(openClip(temporaryFolder())).rejects.toThrow(/holds no images/);
	});

	test('a video file whose name looks like a pattern is still that file', async () => {
		const folder = join(temporaryFolder(), '100%');
		mkdirSync(folder);
		const path = await makeClip(join(folder, 'take*%2d.mkv'), 'testsrc=s=16x16:r=5:d=1', '-c:v', 'ffv1');
		const clip = await openClip(path);
		expect(clip).toMatchObject({
			kind: 'video',
			info: { width: 16, height: 16, frameRate: 5, estimatedFrames: 5 },
		});
		expect(await collect(clip.frames())).toHaveLength(5);
	});
});

describe('a place in a clip', () => {
	test('is a frame number or a time', () => {
		expect(parsePosition('37')).toEqual({ frame: 37 });
		expect(parsePosition('1.5s')).toEqual({ seconds: 1.5 });
		expect(parsePosition('01:02:03.25')).toEqual({ seconds: 3723.25 });
		expect(parsePosition('2:03')).toEqual({ seconds: 123 });
	});

	test.each(['', '-3', '1.5', 'abc', '1h'])('is not "%s"', (text) => {
		expect(() => parsePosition(text)).toThrow(/frame number like 37/);
	});

	test('a video is as long as its pictures, whatever its sound', async () => {
		const folder = temporaryFolder();
		const whole = await makeClip(
			join(folder, 'long sound.mp4'),
			'testsrc=s=16x16:r=10:d=1',
			...['-f', 'lavfi', '-i', 'sine=d=1.4', '-pix_fmt', 'yuv420p', '-g', '10', '-bf', '0', '-c:a', 'aac'],
		);
		expect((await openClip(whole)).info.estimatedFrames).toBe(10);
	});
});
