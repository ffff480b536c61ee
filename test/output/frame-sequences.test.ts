import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { LabelMap, Raster } from '../../src/core/frame.js';
import { type Matte, type Mattes, matteOf } from '../../src/mattes/mattes.js';
import type { ClipInfo } from '../../src/media/clip-info.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { openSink } from '../../src/output/encode.js';
import { resolveFormat } from '../../src/output/output-format.js';
import type { SinkOptions } from '../../src/output/sink-options.js';
import { ffmpeg } from '../helpers/ffmpeg.js';
import { pythonWith, runPython } from '../helpers/python.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const [width, height] = [37, 20];
const pixels = width * height;
const info: ClipInfo = {
	...{ width, height, frameRate: 25, hasAudio: false },
	...{ estimatedFrames: undefined, durationSeconds: undefined },
};

/** Every value of every channel, dark ones beside light ones. */
const pictureAt = (index: number): Raster<3> => ({
	...{ width, height, channels: 3 },
	data: Uint8Array.from({ length: pixels * 3 }, (_, at) => (at * 7 + index * 11) % 256),
});

/** 0..65535: object 1 is as opaque as a ramp says, whose steps 8 bits can't tell from each other, object 2 a column at the right. */
const alphaAt = (index: number, id?: number): Uint16Array =>
	Uint16Array.from({ length: pixels }, (_, at) => {
		const x = at % width;
		const [one, two] = [x < 30 ? (at * 1291 + index * 100) % 65536 : 0, x >= 33 ? 51411 : 0];
		return id === 1 ? one : id === 2 ? two : Math.max(one, two);
	});

const mattesAt = (index: number): Mattes => {
	const matte = (id?: number): Matte => matteOf({ width, height }, alphaAt(index, id));
	return {
		all: matte(),
		of: matte,
		coloursOf: (picture) => picture,
	};
};

const labels: LabelMap = {
	...{ width, height, palette: davisPalette },
	ids: Uint8Array.from({ length: pixels }, (_, at) => (at % width >= 33 ? 2 : at % width < 30 ? 1 : 0)),
};

const write = async (output: string, format?: string, options: Partial<SinkOptions> = {}): Promise<void> => {
	const sink = await openSink(await resolveFormat(output, format), {
		clip: info,
		objects: [1, 2],
		...options,
	});
	for (let index = 0; index < 3; index++) {
		const frame = { index, timeSeconds: index / 25, image: pictureAt(index) };
		await sink.write({ frame, labels, mattes: mattesAt(index) });
	}
	await sink.finish();
};

/** A picture as ffmpeg decodes it: 16 bits a channel, RGBA. */
const decoded = async (path: string): Promise<Uint16Array> => {
	const bytes = await ffmpeg('-i', path, '-f', 'rawvideo', '-pix_fmt', 'rgba64le', '-');
	return new Uint16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};

/** IEC 61966-2-1 */
const light = (value: number): number =>
	value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;

/** What an EXR of a frame should hold, 0..1, RGBA. */
const inLinearLight = (index: number): number[] => {
	const [picture, alpha] = [pictureAt(index).data, alphaAt(index)];
	return Array.from({ length: pixels }, (_, at) => {
		const opacity = (alpha[at] ?? 0) / 65535;
		const colours = [0, 1, 2].map((channel) => light(picture[at * 3 + channel] ?? 0) * opacity);
		return [...colours, opacity];
	}).flat();
};

const farthest = (found: ArrayLike<number>, expected: ArrayLike<number>, scale = 1): number => {
	expect(found).toHaveLength(expected.length);
	return Array.from(found).reduce(
		(most, value, at) => Math.max(most, Math.abs(value / scale - (expected[at] ?? 0))),
		0,
	);
};

const openExr = pythonWith('OpenEXR');

/** Half floats below 1 are a 2048th apart at most, and rounding goes to the nearer one; ffmpeg rounds once more. */
const HALF = 1 / 4096 + 1 / 65535;

describe('OpenEXR', () => {
	test('holds linear light, multiplied by alpha, as ffmpeg reads it', async () => {
		const folder = temporaryFolder();
		await write(join(folder, 'shot.%04d.exr'));
		expect(readdirSync(folder).sort()).toEqual(['shot.0000.exr', 'shot.0001.exr', 'shot.0002.exr']);
		for (const index of [0, 2]) {
			const found = await decoded(join(folder, `shot.000${index}.exr`));
			expect(farthest(found, inLinearLight(index), 65535)).toBeLessThan(HALF);
		}
	});

	test.skipIf(openExr === undefined)('… and as OpenEXR does (needs python3 with OpenEXR)', async () => {
		const folder = temporaryFolder();
		await write(folder, 'alpha-exr');
		const script = [
			'import json, sys, OpenEXR',
			'file = OpenEXR.File(sys.argv[1])',
			'pixels = file.channels()["RGBA"].pixels',
			'print(json.dumps([str(pixels.dtype), list(pixels.shape), pixels.astype(float).flatten().tolist()]))',
		];
		const [type, shape, values] = JSON.parse(
			await runPython(openExr ?? '', script.join('\n'), join(folder, '00001.exr')),
		) as [string, number[], number[]];
		expect([type, shape]).toEqual(['float16', [height, width, 4]]);
		expect(farthest(values, inLinearLight(1))).toBeLessThan(HALF);
	});

	test('of a matte has it in every channel, so that it is a mask by luminance and by alpha', async () => {
		const folder = temporaryFolder();
		await write(join(folder, 'shot-matte.%d.exr'));
		const found = await decoded(join(folder, 'shot-matte.1.exr'));
		const expected = Array.from(alphaAt(1), (alpha) => Array(4).fill(alpha / 65535)).flat();
		expect(farthest(found, expected, 65535)).toBeLessThan(HALF);
	});

	test('of each object has its matte alone, in a folder or before the number', async () => {
		const folder = temporaryFolder();
		await write(join(folder, 'shot-mattes.%04d.exr'));
		await write(join(folder, 'all'), 'mattes-exr');
		expect(readdirSync(folder)).toEqual([
			'all',
			...[1, 2].flatMap((id) => [0, 1, 2].map((n) => `shot-mattes-${id}.000${n}.exr`)),
		]);
		for (const id of [1, 2]) {
			const found = await decoded(join(folder, `shot-mattes-${id}.0002.exr`));
			const expected = Array.from(alphaAt(2, id), (alpha) => Array(4).fill(alpha / 65535)).flat();
			expect(farthest(found, expected, 65535)).toBeLessThan(HALF);
			const inFolder = readFileSync(join(folder, 'all', String(id), '00002.exr'));
			expect(inFolder.equals(readFileSync(join(folder, `shot-mattes-${id}.0002.exr`)))).toBe(true);
		}
	});

	test('of an edit is opaque', async () => {
		const folder = temporaryFolder();
		await write(join(folder, 'shot-edit.%04d.exr'));
		const found = await decoded(join(folder, 'shot-edit.0000.exr'));
		const expected = Array.from({ length: pixels }, (_, at) =>
			[...pictureAt(0).data.subarray(at * 3, at * 3 + 3)].map(light).concat(1),
		).flat();
		expect(farthest(found, expected, 65535)).toBeLessThan(HALF);
	});

	test('is the same, byte for byte, when made again', async () => {
		const folder = temporaryFolder();
		await write(join(folder, 'a.%d.exr'));
		await write(join(folder, 'b.%d.exr'));
		expect(readFileSync(join(folder, 'a.1.exr')).equals(readFileSync(join(folder, 'b.1.exr')))).toBe(true);
	});
});

describe('PNG and TIFF', () => {
	/** 0..1, RGBA */
	const straight = (index: number): number[] => {
		const alpha = alphaAt(index);
		return Array.from({ length: pixels }, (_, at) => [
			...[...pictureAt(index).data.subarray(at * 3, at * 3 + 3)].map((value) => value / 255),
			(alpha[at] ?? 0) / 65535,
		]).flat();
	};

	test.each([
		['shot-alpha.%04d.png', 'shot-alpha.0001.png'],
		['shot.%04d.tif', 'shot.0001.tif'],
		['shot.%04d.tiff', 'shot.0001.tiff'],
	])('%s has straight colours and alpha, as near as 8 bits come', async (pattern, name) => {
		const folder = temporaryFolder();
		await write(join(folder, pattern));
		const found = await ffmpeg('-i', join(folder, name), '-f', 'rawvideo', '-pix_fmt', 'rgba', '-');
		expect(farthest(found, straight(1), 255)).toBeLessThanOrEqual(0.5 / 255);
	});

	test('of 16 bits has them exactly, alpha in all of its 16 bits', async () => {
		const folder = temporaryFolder();
		await write(join(folder, 'shot.%04d.png'), 'alpha-png16');
		const found = await decoded(join(folder, 'shot.0001.png'));
		expect(farthest(found, straight(1), 65535)).toBeLessThan(1e-9);
	});

	test('of 16 bits has 16, in which colours multiplied by alpha lose nothing', async () => {
		const folder = temporaryFolder();
		await write(folder, 'alpha-png16', { premultiplied: true });
		const file = readFileSync(join(folder, '00001.png'));
		// Bit depth and colour type of the header.
		expect([file[24], file[25]]).toEqual([16, 6]);
		const found = await decoded(join(folder, '00001.png'));
		const expected = straight(1);
		for (let at = 0; at < found.length; at += 4) {
			const [alpha = 0, red = 0] = [expected[at + 3], expected[at]];
			expect(Math.abs((found[at] ?? 0) / 65535 - red * alpha)).toBeLessThan(1 / 65535);
			if (alpha > 0.01) {
				expect(Math.round(((found[at] ?? 0) / 65535 / alpha) * 255)).toBe(Math.round(red * 255));
			}
		}
	});

	test('a pattern without a word means the masks themselves, as a folder does', async () => {
		const folder = temporaryFolder();
		await write(join(folder, 'shot.%04d.png'));
		await write(join(folder, 'masks'));
		const byPattern = readFileSync(join(folder, 'shot.0002.png'));
		expect(byPattern.equals(readFileSync(join(folder, 'masks', '00002.png')))).toBe(true);
	});
});

describe('files of a pattern', () => {
	test('have the numbers that they are given', async () => {
		const folder = temporaryFolder();
		await write(join(folder, 'shot.%04d.exr'), undefined, { numberOf: ({ index }) => 1001 + index });
		expect(readdirSync(folder).sort()).toEqual(['shot.1001.exr', 'shot.1002.exr', 'shot.1003.exr']);
	});

	test('are not replaced unasked; with overwriting, those of a longer clip go, and nothing else', async () => {
		const folder = temporaryFolder();
		for (const name of [
			'shot.0001.png',
			'shot.0099.png',
			'shot.jpg',
			'other.0001.png',
			'00001.png',
			'shot.01.png',
		]) {
			writeFileSync(join(folder, name), name);
		}
		const pattern = join(folder, 'shot.%04d.png');
		await expect(write(pattern)).rejects.toThrow(
			/"shot\.00\d\d\.png" and what else .* \(2 in all\) is there already/,
		);
		expect(readFileSync(join(folder, 'shot.0001.png'), 'utf8')).toBe('shot.0001.png');
		await write(pattern, undefined, { existing: 'overwrite' });
		expect(readdirSync(folder).sort()).toEqual(
			[
				...['00001.png', 'other.0001.png', 'shot.01.png', 'shot.jpg'],
				...['shot.0000.png', 'shot.0001.png', 'shot.0002.png'],
			].sort(),
		);
		expect(readFileSync(join(folder, '00001.png'), 'utf8')).toBe('00001.png');
	});

	test.each([
		['shot.exr', undefined, /is one picture.*-o .*shot, or names with numbers: -o .*shot\.%04d\.exr/],
		['shot.jpg', undefined, /is one picture.*-o .*shot, or names with numbers: -o .*shot\.%04d\.png\.$/],
		['shot.png', 'alpha-exr', /names a single file.*shot\.%04d\.exr/],
		['shot.%04d.png', 'alpha-exr', /does not go with the format alpha-exr; end the name in \.exr/],
		['shot.%04d.png', 'matte.mp4', /does not go with the format matte\.mp4/],
		['shot.%04d.%d.png', undefined, /several places for the number/],
		['shot.%04d.jpg', undefined, /is one picture.*-o .*shot, or names with numbers: -o .*shot\.%04d\.png\.$/],
	])('%s with %s is refused', async (name, format, message) => {
		await expect(write(join(temporaryFolder(), name), format)).rejects.toThrow(message);
	});

	test('a folder called like a pattern is a folder', async () => {
		const folder = join(temporaryFolder(), 'shot.%04d.png');
		mkdirSync(folder);
		await write(folder);
		expect(readdirSync(folder)).toHaveLength(3);
	});
});
