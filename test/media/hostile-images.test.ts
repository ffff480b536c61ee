import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { parseMat } from '../../src/evaluation/mat-file.js';
import { inputSize } from '../../src/features/preprocess.js';
import { parseFlow } from '../../src/media/flow-file.js';
import { imageSize, readImage } from '../../src/media/image.js';
import { readMask } from '../../src/media/label-map.js';
import { manifestSchema } from '../../src/models/manifest.js';
import { parseNpy } from '../../src/store/npy.js';
import { rawPng } from '../helpers/masks.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const write = (name: string, bytes: string | Uint8Array): string => {
	const path = join(temporaryFolder(), name);
	writeFileSync(path, bytes);
	return path;
};

/** Megabytes by which the process grows meanwhile. */
const growth = async (work: () => Promise<unknown>): Promise<number> => {
	const before = process.memoryUsage().rss;
	await work();
	return (process.memoryUsage().rss - before) / 2 ** 20;
};

describe('sizes are compared before they are believed', () => {
	test('a mask that claims to be huge is refused by its header', async () => {
		const header = { width: 30000, height: 30000, depth: 8, colourType: 3 };
		const path = write('huge.png', rawPng(header, new Uint8Array(64), ['PLTE', new Uint8Array(6)]));
		const grown = await growth(() =>
			expect(readMask(path, { size: { width: 320, height: 180 } })).rejects.toThrow(
				/is (too large|30000×30000, but the clip is 320×180)/,
			),
		);
		expect(grown).toBeLessThan(100);
		await expect(readMask(path)).rejects.toThrow(/too large|damaged/);
	});

	test('a mask of the right size with gigabytes in it is not unpacked', async () => {
		const header = { width: 64, height: 64, depth: 8, colourType: 3 };
		const path = write('bomb.png', rawPng(header, new Uint8Array(2 ** 28), ['PLTE', new Uint8Array(6)]));
		const grown = await growth(() => expect(readMask(path)).rejects.toThrow(/damaged PNG/));
		expect(grown).toBeLessThan(400);
	});

	test('a colour profile or text that inflates to gigabytes is refused', async () => {
		const bomb = deflateSync(new Uint8Array(2 ** 27));
		const header = { width: 4, height: 4, depth: 8, colourType: 2 };
		const rows = new Uint8Array(4 * 13);
		const profile = write(
			'icc.png',
			rawPng(header, rows, ['iCCP', Buffer.concat([Buffer.from('icc\0\0'), bomb])]),
		);
		await expect(readImage(profile)).rejects.toThrow(/colour profile or text/);
		await expect(imageSize(profile)).rejects.toThrow(/colour profile or text/);
		// A mask needs no profile: it is left out.
		expect((await readMask(profile)).width).toBe(4);
		const text = write(
			'text.png',
			rawPng(header, rows, ['zTXt', Buffer.concat([Buffer.from('Comment\0\0'), bomb])]),
		);
		await expect(readImage(text)).rejects.toThrow(/colour profile or text/);
	});

	test.each(['mask.svg', 'mask.png'])(
		'a drawing is no image of pixels, whatever it is called (%s)',
		async (name) => {
			const path = write(
				name,
				'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
			);
			await expect(readMask(path)).rejects.toThrow(
				/is a drawing, not an image of pixels; export it as a PNG/,
			);
			await expect(readImage(path)).rejects.toThrow(/is a drawing/);
			await expect(imageSize(path)).rejects.toThrow(/is a drawing/);
		},
	);

	test('a strip of an image is not enlarged to a wall of pictures', () => {
		const resize = { mode: 'fit', shortSide: 256, multiple: 8 } as const;
		const settings = { resize, mean: [0, 0, 0], std: [1, 1, 1] } as const;
		const strip = inputSize({ width: 8, height: 3000 }, { ...settings, mean: [0, 0, 0], std: [1, 1, 1] });
		expect(strip.height).toBeLessThanOrEqual(8 * 256);
		expect(strip.width).toBeGreaterThanOrEqual(8);
		expect(
			inputSize({ width: 1920, height: 1080 }, { ...settings, mean: [0, 0, 0], std: [1, 1, 1] }),
		).toEqual({
			width: 456,
			height: 256,
		});
	});
});

describe('numbers in files have bounds', () => {
	test('.flo', () => {
		const flo = (width: number, height: number): Buffer => {
			const bytes = Buffer.alloc(12 + 8 * 16);
			bytes.writeFloatLE(202021.25, 0);
			bytes.writeInt32LE(width, 4);
			bytes.writeInt32LE(height, 8);
			return bytes;
		};
		expect(parseFlow(flo(4, 4), 'a.flo').width).toBe(4);
		for (const [width, height] of [
			[-4, -4],
			[0, 4],
			[-1, 4],
			[2 ** 30, 2 ** 30],
			[8, 8],
		] as const) {
			expect(() => parseFlow(flo(width, height), 'a.flo')).toThrow(/is not a complete \.flo file/);
		}
		expect(() => parseFlow(Buffer.from('no flow at all'), 'a.png')).toThrow(/is not a flow/);
	});

	test('.npy', () => {
		const npy = (shape: string, values = 4): Buffer => {
			const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }\n`;
			const head = Buffer.alloc(10);
			head.write('\x93NUMPY\x01\0', 'latin1');
			head.writeUInt16LE(dictionary.length, 8);
			return Buffer.concat([head, Buffer.from(dictionary), Buffer.alloc(values * 4)]);
		};
		expect(parseNpy(npy('1, 1, 2, 2')).shape).toEqual([1, 1, 2, 2]);
		for (const shape of ['1, -1, 2, -2', '1, 0.5, 2, 4', '1, 1e0, x, 4', '1, 1, 2, 3']) {
			expect(() => parseNpy(npy(shape))).toThrow(/can't be used: its shape|can't be used: it holds/);
		}
		expect(() => parseNpy(npy('1, 1, 2, 2').subarray(0, -3))).toThrow(/cut off/);
		expect(() =>
			parseNpy(Buffer.concat([Buffer.from('\x93NUMPY\x02\0', 'latin1'), Buffer.alloc(4, 255)])),
		).toThrow(/can't be used/);
	});

	test('.mat', () => {
		const tag = (type: number, length: number): Buffer => {
			const bytes = Buffer.alloc(8);
			bytes.writeUInt32LE(type, 0);
			bytes.writeUInt32LE(length, 4);
			return bytes;
		};
		const header = Buffer.alloc(128);
		header.writeUInt16LE(0x4d49, 126);
		const packed = deflateSync(new Uint8Array(2 ** 28));
		expect(() => parseMat(Buffer.concat([header, tag(15, packed.length), packed]), 'a.mat')).toThrow(
			/is a damaged MATLAB file/,
		);
	});

	test('manifests', () => {
		const manifest = JSON.parse(
			readFileSync(new URL('../../models/propagate-small/manifest.json', import.meta.url), 'utf8'),
		) as { schedule: object };
		expect(manifestSchema.safeParse(manifest).success).toBe(true);
		for (const change of [
			{ steps: 1e9 },
			{ trainTimesteps: 1e9 },
			{ steps: 0.5 },
			{ betaEnd: 5 },
			{ saveTimesteps: [1e12] },
		]) {
			const changed = { ...manifest, schedule: { ...manifest.schedule, ...change } };
			expect(manifestSchema.safeParse(changed).success).toBe(false);
		}
	});
});
