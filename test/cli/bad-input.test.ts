import {
	chmodSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type BoxClip, makeBoxClip, makeBoxMask } from '../helpers/box-clip.js';
import { quickCliPath, runCli } from '../helpers/cli.js';
import { ffmpeg, makeClip } from '../helpers/ffmpeg.js';
import { canMount, mountDisk } from '../helpers/small-disk.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

let folder: string;
let good: BoxClip;

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'propagate-bad-'));
	good = await makeBoxClip(folder, 4);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the command, which must refuse in one clear line and write nothing; returns that line. */
const refusal = async (...args: string[]): Promise<string> => {
	const output = args.includes('-o') ? undefined : join(temporaryFolder(), 'out');
	const { code, stdout, stderr } = await runCli([...args, ...(output ? ['-o', output] : [])], {
		program: quickCliPath,
	});
	expect(stderr).not.toContain('    at ');
	const lines = stderr.trim().split('\n');
	expect(lines).toHaveLength(1);
	expect(lines[0]).toMatch(/^propagate: .*[.)]$/);
	expect(code).toBe(2);
	expect(stdout).toBe('');
	if (output !== undefined) {
		expect(existsSync(output)).toBe(false);
	}
	return lines[0] ?? '';
};

// On a machine that does other work too, each start of the command takes a while.
vi.setConfig({ testTimeout: 180_000 });

describe('a clip that is none', () => {
	test('is not there', async () => {
		const line = await refusal(join(folder, 'gone.mp4'), '--mask', good.mask);
		expect(line).toContain('gone.mp4" does not exist');
	});

	test('is no video', async () => {
		const text = join(folder, 'text.mp4');
		writeFileSync(text, 'Hello.\n');
		expect(await refusal(text, '--mask', good.mask)).toContain('is text, not a video');
		const noise = join(folder, 'noise.mp4');
		writeFileSync(noise, Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * at * 31 + at) % 251)));
		expect(await refusal(noise, '--mask', good.mask)).toMatch(
			/cut short, damaged or no video at all|is not a video/,
		);
	});

	test('is a picture', async () => {
		const jpeg = join(folder, 'picture.jpg');
		await ffmpeg('-i', good.clip, '-frames:v', '1', jpeg);
		for (const picture of [good.mask, jpeg]) {
			expect(await refusal(picture, '--mask', good.mask)).toContain('is a picture, not a video');
		}
	});

	test('is sound only, with or without a cover', async () => {
		const sound = await makeClip(join(folder, 'sound.m4a'), 'sine=d=1');
		expect(await refusal(sound, '--mask', good.mask)).toContain('has no video, only audio');
		const cover = join(folder, 'cover.mp3');
		await ffmpeg(
			...['-f', 'lavfi', '-i', 'sine=d=1', '-f', 'lavfi', '-i', 'testsrc=s=64x64:d=0.04'],
			...[
				'-map',
				'0',
				'-map',
				'1',
				'-frames:v',
				'1',
				'-c:v',
				'mjpeg',
				'-disposition:v',
				'attached_pic',
				cover,
			],
		);
		expect(await refusal(cover, '--mask', good.mask)).toContain('has no video, only audio');
	});

	test('is an empty folder', async () => {
		expect(await refusal(temporaryFolder(), '--mask', good.mask)).toContain('holds no images');
	});
});

describe('a mask that does not do', () => {
	test('is not given, not there, or no image', async () => {
		expect(await refusal(good.clip)).toContain('There is no mask');
		expect(await refusal(good.clip, '--mask', join(folder, 'gone.png'))).toContain(
			'gone.png" does not exist',
		);
		expect(await refusal(good.clip, '--mask', good.clip)).toContain('is not an image');
	});

	test('is of another size', async () => {
		const mask = await makeBoxMask(join(folder, 'large.png'), 100, 64);
		expect(await refusal(good.clip, '--mask', mask)).toContain('is 100×64, but the clip is 96×64');
	});

	test('is empty', async () => {
		const mask = join(folder, 'empty.png');
		writeFileSync(mask, encode({ width: 96, height: 64, channels: 1, data: new Uint8Array(96 * 64) }));
		expect(await refusal(good.clip, '--mask', mask)).toContain('is empty: no pixel belongs to an object');
	});

	test('has more ids than fit', async () => {
		const mask = join(folder, 'many.png');
		const data = Uint16Array.from({ length: 96 * 64 }, (_, at) => at % 300);
		writeFileSync(mask, encode({ width: 96, height: 64, channels: 1, depth: 16, data }));
		expect(await refusal(good.clip, '--mask', mask)).toContain('ids up to 299, but at most 255 fit');
	});
});

describe('settings that are none', () => {
	test('an unknown model', async () => {
		const line = await refusal(good.clip, '--mask', good.mask, '--model', 'imaginary');
		expect(line).toContain('There is no model "imaginary"; installed are propagate-small');
	});

	test('an unknown preset', async () => {
		const line = await refusal(good.clip, '--mask', good.mask, '--preset', 'imaginary');
		expect(line).toContain('There is no preset "imaginary"');
	});

	test('a range outside the clip', async () => {
		const line = await refusal(good.clip, '--mask', good.mask, '--start', '99');
		expect(line).toContain('has no frame in the given range');
	});

	test.each([
		[['--start', '99999999999999999999'], 'is not a place in a clip'],
		[['--end', '9999999999s'], 'is not a place in a clip'],
		[['--mask', '99999999999999999999=m.png'], 'give the number of a frame before "="'],
		[['--mask', '1.5s=m.png'], 'give the number of a frame before "="'],
		[['--relight'], '--relight is for edits'],
		[['--edit-mode', 'planar'], '--edit-mode is for edits'],
		[['--behind'], '--behind is for edits'],
	])('numbers without end, and options without use: %j', async (options, said) => {
		expect(await refusal(good.clip, '--mask', good.mask, ...options)).toContain(said);
	});

	test('an unknown format', async () => {
		const line = await refusal(good.clip, '--mask', good.mask, '--format', 'imaginary');
		expect(line).toContain('There is no format "imaginary"');
	});

	test('an ffmpeg that is none', async () => {
		const line = await refusal(good.clip, '--mask', good.mask, '--ffmpeg', join(folder, 'ffmpeg'));
		expect(line).toContain('cannot be run as ffmpeg');
	});
});

describe('an output that cannot be', () => {
	test('exists: it stays as it is', async () => {
		const video = join(folder, 'there.mp4');
		writeFileSync(video, 'precious');
		expect(await refusal(good.clip, '--mask', good.mask, '-o', video)).toContain('exists already');
		expect(readFileSync(video, 'utf8')).toBe('precious');
		const frames = join(folder, 'there');
		mkdirSync(frames);
		writeFileSync(join(frames, '00000.png'), 'precious');
		expect(await refusal(good.clip, '--mask', good.mask, '-o', frames)).toContain('holds 1 frame already');
		expect(readFileSync(join(frames, '00000.png'), 'utf8')).toBe('precious');
		expect(readdirSync(frames)).toEqual(['00000.png']);
	});

	test('one that exists spoils the others before they are begun', async () => {
		const place = temporaryFolder();
		writeFileSync(join(place, 'matte.mp4'), 'precious');
		const outputs = ['masks', 'overlay.mp4', 'matte.mp4'].flatMap((name) => ['-o', join(place, name)]);
		expect(await refusal(good.clip, '--mask', good.mask, ...outputs)).toContain('exists already');
		expect(readdirSync(place).filter((name) => name !== 'masks')).toEqual(['matte.mp4']);
		expect(existsSync(join(place, 'masks')) ? readdirSync(join(place, 'masks')) : []).toEqual([]);
	});

	test.each([
		['the same by another way', ['a.mp4', './a.mp4']],
		['the same through a link', ['linked/a.mp4', 'a.mp4']],
		['one of the files of another', ['x-mattes.mp4', 'x-mattes-1.mp4']],
		['one of the folders of another', ['x-mattes', 'x-mattes/1']],
		['the sheet of another', ['sprites.png', 'sprites.json']],
	])('is two outputs in one: %s', async (_name, names) => {
		const place = temporaryFolder();
		symlinkSync('.', join(place, 'linked'));
		for (const more of [[], ['--overwrite']]) {
			const outputs = names.flatMap((name) => ['-o', `${place}/${name}`]);
			const line = await refusal(good.clip, '--mask', good.mask, ...outputs, ...more);
			expect(line).toMatch(/given as output twice|would be written twice/);
			expect(readdirSync(place)).toEqual(['linked']);
		}
	});

	test('is a review with the name of a frame', async () => {
		const place = join(temporaryFolder(), 'masks');
		const review = join(place, '00001.png');
		const line = await refusal(good.clip, '--mask', good.mask, '-o', place, '--review', review);
		expect(line).toContain('would be taken for a frame');
	});

	test('has no name', async () => {
		expect(await refusal(good.clip, '--mask', good.mask, '-o', '')).toContain('name of an output is empty');
	});

	test('is below a file', async () => {
		const line = await refusal(good.clip, '--mask', good.mask, '-o', join(good.mask, 'masks'));
		expect(line).toContain('a part of its path is a file');
	});

	test('is in a read-only folder', async () => {
		// Permissions do not stop root; a read-only file system does.
		const place = canMount ? mountDisk('size=64k') : undefined;
		const readOnly = place?.folder ?? temporaryFolder();
		place ? place.remount('ro') : chmodSync(readOnly, 0o555);
		for (const name of ['masks', 'matte.mp4']) {
			const line = await refusal(good.clip, '--mask', good.mask, '-o', join(readOnly, name));
			expect(line).toMatch(/cannot be (written|made): .*(the disk is read-only|not permitted)/);
		}
		expect(readdirSync(readOnly)).toEqual([]);
	});

	test('has an extension that means nothing', async () => {
		const line = await refusal(good.clip, '--mask', good.mask, '-o', join(folder, 'out.xyz'));
		expect(line).toContain('out.xyz" ends in nothing that can be written');
	});
});
