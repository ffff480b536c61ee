import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AbortedError, UserError } from '../../src/core/errors.js';
import type { Frame } from '../../src/core/frame.js';
import { type DecodeOptions, decodeFrames } from '../../src/media/decode.js';
import { parsePosition } from '../../src/media/position.js';
import { probeClip } from '../../src/media/probe.js';
import { collect } from '../helpers/collect.js';
import { ffmpeg, makeClip } from '../helpers/ffmpeg.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const decodeAll = async (path: string, options: DecodeOptions = {}): Promise<Frame[]> =>
	collect(decodeFrames(await probeClip(path), options));

const pixel = (frame: Frame | undefined, x: number, y: number): number[] => {
	if (!frame) {
		throw new Error('There is no such frame.');
	}
	const at = (y * frame.image.width + x) * 3;
	return [...frame.image.data.subarray(at, at + 3)];
};

const closeTo = (colour: number[], tolerance = 6) => ({
	asymmetricMatch: (other: number[]) =>
		colour.every((value, channel) => Math.abs(value - (other[channel] ?? -999)) <= tolerance),
	toString: () => `colour within ${tolerance} of ${colour}`,
});

/** Red left half, blue right half, with a green top row of 8 pixels: every orientation looks different. */
const flag = (size: string, seconds = 1): string =>
	`color=red:s=${size}:r=10:d=${seconds},drawbox=x=iw/2:w=iw:h=ih:c=blue:t=fill,drawbox=h=8:w=iw:c=lime:t=fill`;

describe('decoding a video', () => {
	test('gives every frame once, with its time and its pixels', async () => {
		const clip = await makeClip(
			join(temporaryFolder(), 'clip.mkv'),
			'testsrc2=s=64x48:r=10:d=1.2',
			'-c:v',
			'ffv1',
			'-pix_fmt',
			'bgr0',
		);
		const frames = await decodeAll(clip);

		expect(frames.map((frame) => frame.index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
		expect(frames.map((frame) => frame.timeSeconds)).toEqual(frames.map((_, n) => expect.closeTo(n / 10, 5)));
		const expected = await ffmpeg('-i', clip, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-');
		expect(Buffer.concat(frames.map((frame) => frame.image.data)).equals(expected)).toBe(true);
	});

	test('keeps the timing of a variable frame rate: nothing is repeated or dropped', async () => {
		const clip = await makeClip(
			join(temporaryFolder(), 'vfr.mp4'),
			"testsrc2=s=64x48:r=10:d=2,settb=1/1000,select='not(between(n,3,8))+eq(n,5)',setpts='if(eq(N,2),PTS+0.037/TB,PTS)'",
			...['-vsync', 'passthrough', '-enc_time_base', '1:1000', '-pix_fmt', 'yuv420p'],
		);
		const times = (await decodeAll(clip)).map((frame) => frame.timeSeconds);
		expect(times.slice(0, 6)).toEqual([0, 0.1, 0.237, 0.5, 0.9, 1].map((time) => expect.closeTo(time, 3)));
		expect(times).toHaveLength(15);
	});

	// (This ffmpeg writes the `rotate` tag the wrong way round: 270 makes a display matrix of 90° clockwise.)
	test('shows the picture upright', async () => {
		const folder = temporaryFolder();
		const flat = await makeClip(join(folder, 'flat.mp4'), flag('64x32'), '-pix_fmt', 'yuv420p');
		const turned = join(folder, 'turned.mp4');
		await ffmpeg('-i', flat, '-c', 'copy', '-metadata:s:v:0', 'rotate=270', turned);

		const clip = await probeClip(turned);
		expect(clip.info).toMatchObject({ width: 32, height: 64 });
		const [first] = await decodeAll(turned);
		// Turned clockwise: what was left is now on top, what was on top is at the right.
		expect(pixel(first, 8, 8)).toEqual(closeTo([255, 0, 0]));
		expect(pixel(first, 8, 56)).toEqual(closeTo([0, 0, 255]));
		expect(pixel(first, 28, 32)).toEqual(closeTo([0, 255, 0]));
	});

	test('stretches pixels that are not square, also when the picture is turned', async () => {
		const folder = temporaryFolder();
		const wide = await makeClip(join(folder, 'wide.mp4'), `${flag('64x32')},setsar=2`, '-pix_fmt', 'yuv420p');
		const turned = join(folder, 'turned.mp4');
		await ffmpeg('-i', wide, '-c', 'copy', '-metadata:s:v:0', 'rotate=90', turned);

		expect((await decodeAll(wide))[0]?.image).toMatchObject({ width: 128, height: 32 });
		const [first] = await decodeAll(turned);
		expect(first?.image).toMatchObject({ width: 32, height: 128 });
		expect(pixel(first, 16, 120)).toEqual(closeTo([255, 0, 0]));
	});

	test('keeps odd sizes', async () => {
		const clip = await makeClip(
			join(temporaryFolder(), 'odd.mkv'),
			'testsrc=s=33x17:r=5:d=0.4',
			'-c:v',
			'ffv1',
		);
		const frames = await decodeAll(clip);
		expect(frames).toHaveLength(2);
		expect(frames[0]?.image).toMatchObject({ width: 33, height: 17 });
	});

	test.each([
		{ matrix: 'bt709', range: 'tv' },
		{ matrix: 'smpte170m', range: 'tv' },
		{ matrix: 'bt709', range: 'pc' },
	])('gives the true colours of $matrix, $range', async ({ matrix, range }) => {
		const clip = await makeClip(
			join(temporaryFolder(), 'colour.mp4'),
			`color=0x28C850:s=64x32:r=5:d=0.4,scale=out_color_matrix=${matrix}:out_range=${range},format=yuv444p`,
			...['-colorspace', matrix, '-color_range', range, '-crf', '1'],
		);
		expect(pixel((await decodeAll(clip))[0], 30, 16)).toEqual(closeTo([0x28, 0xc8, 0x50], 3));
	});

	test('brings ten bits and high dynamic range down to eight bits', async () => {
		const folder = temporaryFolder();
		const deep = await makeClip(
			join(folder, '10bit.mkv'),
			'color=0x28C850:s=64x32:r=5:d=0.4',
			'-c:v',
			'libx265',
			'-pix_fmt',
			'yuv420p10le',
			'-x265-params',
			'log-level=none',
		);
		expect(pixel((await decodeAll(deep))[0], 30, 16)).toEqual(closeTo([0x28, 0xc8, 0x50]));

		// Diffuse white of an HLG picture is signal 0.75 (ITU-R BT.2408): it must stay a light grey, not a middle one.
		const hlg = await makeClip(
			join(folder, 'hlg.mkv'),
			'color=0xBFBFBF:s=64x32:r=5:d=0.4,scale=out_color_matrix=bt2020,format=yuv420p10le',
			...[
				'-c:v',
				'libx265',
				'-x265-params',
				'log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc',
			],
		);
		const [red = 0, green = 0, blue = 0] = pixel((await decodeAll(hlg))[0], 30, 16);
		expect(Math.max(red, green, blue) - Math.min(red, green, blue)).toBeLessThan(5);
		expect(green).toBeGreaterThan(150);
		expect(green).toBeLessThan(250);
	});

	test('starts and ends at a frame number or a time, the end left out', async () => {
		const clip = await makeClip(
			join(temporaryFolder(), 'clip.mp4'),
			'testsrc2=s=64x48:r=10:d=2',
			'-pix_fmt',
			'yuv420p',
		);
		const whole = await decodeAll(clip);
		const timesOf = async (start: string, end: string) =>
			(await decodeAll(clip, { start: parsePosition(start), end: parsePosition(end) })).map(
				(frame) => frame.timeSeconds,
			);

		expect(await timesOf('3', '6')).toEqual([0.3, 0.4, 0.5].map((time) => expect.closeTo(time, 5)));
		expect(await timesOf('0.3s', '00:00:00.6')).toEqual(
			[0.3, 0.4, 0.5].map((time) => expect.closeTo(time, 5)),
		);
		const [fourth] = await decodeAll(clip, { start: { frame: 3 }, end: { frame: 4 } });
		expect(fourth?.index).toBe(0);
		expect(fourth?.image.data).toEqual(whole[3]?.image.data);
		await expect(decodeAll(clip, { start: { frame: 99 } })).rejects.toThrow(/no frame in the given range/);
	});

	test('takes awkward file names literally', async () => {
		const folder = join(temporaryFolder(), 'a folder, with %d');
		mkdirSync(folder);
		const plain = await makeClip(
			join(folder, 'plain.mp4'),
			'testsrc2=s=64x48:r=10:d=0.3',
			'-pix_fmt',
			'yuv420p',
		);
		for (const name of ['-y.mp4', 'two words.mp4', 'frame%03d.mp4', "it's [1]; $(x).mp4"]) {
			copyFileSync(plain, join(folder, name));
			expect(await decodeAll(join(folder, name))).toHaveLength(3);
		}
	});

	test('leaves no process behind when the reader stops early', async () => {
		const clip = await makeClip(
			join(temporaryFolder(), 'early-stop.mp4'),
			'testsrc2=s=640x480:r=30:d=4',
			...['-c:v', 'mpeg4'],
		);
		for await (const frame of decodeFrames(await probeClip(clip))) {
			if (frame.index === 2) {
				break;
			}
		}
		expect(processesWith('early-stop.mp4')).toEqual([]);
	});

	test('ends with AbortedError when it is cancelled', async () => {
		const clip = await makeClip(
			join(temporaryFolder(), 'cancelled.mp4'),
			'testsrc2=s=640x480:r=30:d=4',
			...['-c:v', 'mpeg4'],
		);
		const cancel = new AbortController();
		const reading = (async () => {
			for await (const frame of decodeFrames(await probeClip(clip), { signal: cancel.signal })) {
				if (frame.index === 2) {
					cancel.abort();
				}
			}
		})();
		await expect(reading).rejects.toThrow(AbortedError);
		expect(processesWith('cancelled.mp4')).toEqual([]);
	});

	test('does not run ahead of a slow reader', async () => {
		const clip = await makeClip(
			join(temporaryFolder(), 'slow.mp4'),
			'testsrc2=s=640x480:r=30:d=4',
			...['-c:v', 'mpeg4'],
		);
		const frames = decodeFrames(await probeClip(clip));
		await frames.next();
		await new Promise((wake) => setTimeout(wake, 500));
		const before = process.memoryUsage().external;
		await new Promise((wake) => setTimeout(wake, 500));
		// 180 frames of 0.9 MB wait in ffmpeg; none of them may pile up here.
		expect(process.memoryUsage().external - before).toBeLessThan(4e6);
		await frames.return();
	});
});

describe('what is not a video is refused in one sentence', () => {
	const refused = async (path: string): Promise<string> => {
		const error = await decodeAll(path).catch((reason: unknown) => reason);
		expect(error).toBeInstanceOf(UserError);
		const { message } = error as UserError;
		expect(message).toContain(path);
		expect(message.split('\n')).toHaveLength(1);
		return message;
	};

	test('a missing file, a folder, an empty file, text', async () => {
		const folder = temporaryFolder();
		expect(await refused(join(folder, 'missing.mp4'))).toContain('does not exist');
		expect(await refused(folder)).toContain('is a folder');
		writeFileSync(join(folder, 'empty.mp4'), '');
		expect(await refused(join(folder, 'empty.mp4'))).toContain('is empty');
		writeFileSync(join(folder, 'text.mp4'), 'This is not a video.\n'.repeat(100));
		expect(await refused(join(folder, 'text.mp4'))).toContain('is text, not a video');
	});

	test('audio only', async () => {
		const sound = await makeClip(join(temporaryFolder(), 'sound.m4a'), 'sine=d=1');
		expect(await refused(sound)).toContain('only audio');
	});

	test('a file that is cut short', async () => {
		const folder = temporaryFolder();
		const whole = await makeClip(
			join(folder, 'whole.mp4'),
			'testsrc2=s=320x240:r=10:d=3',
			'-pix_fmt',
			'yuv420p',
		);
		const bytes = await ffmpeg(
			'-i',
			whole,
			'-c',
			'copy',
			'-f',
			'mp4',
			'-movflags',
			'frag_keyframe+empty_moov',
			'-',
		);
		writeFileSync(join(folder, 'no index.mp4'), bytes.subarray(0, 40));
		expect(await refused(join(folder, 'no index.mp4'))).toMatch(/index|not a video/);
	});

	test('a playlist that points to other files', async () => {
		const folder = temporaryFolder();
		await makeClip(join(folder, 'secret.mp4'), 'testsrc2=s=64x48:r=10:d=0.3', '-pix_fmt', 'yuv420p');
		writeFileSync(join(folder, 'list.mp4'), "ffconcat version 1.0\nfile 'secret.mp4'\n");
		expect(await refused(join(folder, 'list.mp4'))).toContain('playlist');
		writeFileSync(
			join(folder, 'list.m3u8'),
			'#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n',
		);
		expect(await refused(join(folder, 'list.m3u8'))).toContain('playlist');
	});
});

/** Command lines of running processes that mention a file. */
const processesWith = (fileName: string): string[] =>
	execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
		.split('\n')
		.filter((line) => line.includes(fileName));
