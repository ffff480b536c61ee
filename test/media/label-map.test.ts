import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode, encode } from 'fast-png';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { objectIds } from '../../src/core/frame.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { encodeIndexedPng, writeIndexedPng } from '../../src/media/indexed-png.js';
import { readLabelMap, readMask as readWhole, requireUsableMask } from '../../src/media/label-map.js';
import { shared, sharedAvailable } from '../helpers/shared.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/** Writes raw pixels with an independent library and reads them back as a mask. */
const readMask = async (image: Parameters<typeof encode>[0]) => {
	const path = join(temporaryFolder(), 'mask.png');
	writeFileSync(path, encode(image));
	return readLabelMap(path);
};

const flat = (length: number, value: (at: number) => number): Uint8Array =>
	Uint8Array.from({ length }, (_, at) => value(at));

describe('reading a mask', () => {
	const palette = [
		[10, 20, 30],
		[255, 0, 0],
		[0, 200, 0],
		[9, 9, 9],
	];

	test('an indexed PNG keeps its indices and its palette', async () => {
		const mask = await readMask({
			width: 3,
			height: 2,
			depth: 8,
			channels: 1,
			palette,
			data: Uint8Array.of(0, 3, 2, 1, 0, 3),
		});
		expect([...mask.ids]).toEqual([0, 3, 2, 1, 0, 3]);
		expect([...mask.palette]).toEqual(palette.flat());
	});

	test.each([1, 2, 4] as const)(
		'also with indices of %i bits, where rows end inside a byte',
		async (depth) => {
			const width = 11;
			const height = 3;
			const ids = flat(width * height, (at) => (at * 7) % 2 ** Math.min(depth, 2));
			const rowBytes = Math.ceil((width * depth) / 8);
			const packed = new Uint8Array(rowBytes * height);
			ids.forEach((id, at) => {
				const bit = (at % width) * depth;
				const byte = Math.floor(at / width) * rowBytes + (bit >> 3);
				packed[byte] = (packed[byte] ?? 0) | (id << (8 - depth - (bit & 7)));
			});
			const mask = await readMask({ width, height, depth, channels: 1, palette, data: packed });
			expect([...mask.ids]).toEqual([...ids]);
		},
	);

	test('interlaced PNGs are read, or refused where that is not possible', async () => {
		const folder = temporaryFolder();
		const pixels = sharp(
			flat(20 * 20 * 3, (at) => 40 + (((at >> 4) * 37) % 200)),
			{ raw: { width: 20, height: 20, channels: 3 } },
		);
		const write = (name: string, options: object) =>
			pixels.png({ palette: true, dither: 0, ...options }).toFile(join(folder, name));
		await write('plain.png', { colours: 256 });
		await write('interlaced.png', { colours: 256, progressive: true });
		await write('small.png', { colours: 4, progressive: true });
		const asIds = { type: 'ids' } as const;
		expect((await readLabelMap(join(folder, 'interlaced.png'), asIds)).ids).toEqual(
			(await readLabelMap(join(folder, 'plain.png'), asIds)).ids,
		);
		await expect(readLabelMap(join(folder, 'small.png'))).rejects.toThrow(/without interlacing/);
	});

	test('a palette that was sorted so that black is not first is read by its colours', async () => {
		const sorted = [
			[255, 255, 255],
			[0, 0, 0],
		];
		const mask = await readMask({
			width: 2,
			height: 2,
			depth: 8,
			channels: 1,
			palette: sorted,
			data: Uint8Array.of(1, 1, 0, 1),
		});
		expect([...mask.ids]).toEqual([0, 0, 1, 0]);
	});

	test('white on black is object 1', async () => {
		const mask = await readMask({ width: 2, height: 1, channels: 1, data: Uint8Array.of(0, 255) });
		expect([...mask.ids]).toEqual([0, 1]);
		expect(mask.palette).toEqual(davisPalette);
	});

	test('small greys are ids', async () => {
		expect([
			...(await readMask({ width: 4, height: 1, channels: 1, data: Uint8Array.of(0, 1, 2, 7) })).ids,
		]).toEqual([0, 1, 2, 7]);
		expect([
			...(await readMask({ width: 2, height: 1, channels: 1, data: Uint8Array.of(0, 2) })).ids,
		]).toEqual([0, 2]);
	});

	test('a few bright greys are objects of those ids', async () => {
		const mask = await readMask({ width: 3, height: 1, channels: 1, data: Uint8Array.of(0, 127, 255) });
		expect([...mask.ids]).toEqual([0, 127, 255]);
	});

	test('many greys are soft edges, cut at half', async () => {
		const mask = await readMask({ width: 256, height: 1, channels: 1, data: flat(256, (at) => at) });
		expect(mask.ids.indexOf(1)).toBe(128);
		expect(objectIds(mask)).toEqual([1]);
	});

	test('sixteen bits hold ids too, as long as they fit', async () => {
		const ids = await readMask({
			width: 3,
			height: 1,
			depth: 16,
			channels: 1,
			data: Uint16Array.of(0, 1, 200),
		});
		expect([...ids.ids]).toEqual([0, 1, 200]);
		const white = await readMask({
			width: 2,
			height: 1,
			depth: 16,
			channels: 1,
			data: Uint16Array.of(0, 65535),
		});
		expect([...white.ids]).toEqual([0, 1]);
		// 300 squares of 9 pixels side on black, each with an id of its own.
		const many = Uint16Array.from({ length: 200 * 150 }, (_, at) => {
			const [x, y] = [at % 200, Math.floor(at / 200)];
			return x % 10 < 9 && y % 10 < 9 ? 1 + (((Math.floor(y / 10) * 20 + Math.floor(x / 10)) * 7) % 300) : 0;
		});
		await expect(readMask({ width: 200, height: 150, depth: 16, channels: 1, data: many })).rejects.toThrow(
			/ids up to 300, but at most 255 fit/,
		);
	});

	test('alpha marks one object, whatever the colours are', async () => {
		const mask = await readMask({
			width: 3,
			height: 1,
			channels: 4,
			data: Uint8Array.of(1, 2, 3, 0, 200, 9, 9, 127, 0, 0, 0, 128),
		});
		expect([...mask.ids]).toEqual([0, 0, 1]);
	});

	test('colours are objects: DAVIS colours have their ids, others are counted', async () => {
		const davis = await readMask({
			width: 3,
			height: 1,
			channels: 3,
			data: Uint8Array.of(0, 0, 0, 0, 128, 0, 128, 0, 0),
		});
		expect([...davis.ids]).toEqual([0, 2, 1]);
		const own = await readMask({
			width: 4,
			height: 1,
			channels: 3,
			data: Uint8Array.of(0, 0, 0, 9, 8, 7, 255, 0, 0, 9, 8, 7),
		});
		expect([...own.ids]).toEqual([0, 1, 2, 1]);
		expect([...own.palette]).toEqual([0, 0, 0, 9, 8, 7, 255, 0, 0]);
	});

	test('colours are the numbers in the file, whatever profile it names', async () => {
		const path = join(temporaryFolder(), 'mask.png');
		await sharp(Uint8Array.of(0, 0, 0, 0, 250, 0, 250, 0, 0), { raw: { width: 3, height: 1, channels: 3 } })
			.withIccProfile('p3')
			.png()
			.toFile(path);
		const { data } = decode(readFileSync(path));
		expect(data[4]).not.toBe(250); // What sharp has written are Display P3's numbers.
		expect([...(await readLabelMap(path)).palette]).toEqual([...data]);
	});

	test('grey with alpha is a mask of what is opaque, or of greys where all is', async () => {
		const greys = (alpha: number) =>
			readMask({ width: 2, height: 1, channels: 2, data: Uint8Array.of(3, 255, 0, alpha) });
		expect([...(await greys(255)).ids]).toEqual([3, 0]);
		expect([...(await greys(0)).ids]).toEqual([1, 0]);
	});

	test('a picture is refused', async () => {
		const data = flat(64 * 64 * 3, (at) => (at * at * 31 + at) % 256);
		await expect(readMask({ width: 64, height: 64, channels: 3, data })).rejects.toThrow(
			/looks like a picture/,
		);
	});

	test('other formats are read too', async () => {
		const path = join(temporaryFolder(), 'mask.webp');
		await sharp({ create: { width: 4, height: 4, channels: 3, background: 'white' } })
			.extend({ left: 4, background: 'black' })
			.webp({ lossless: true })
			.toFile(path);
		expect(objectIds(await readLabelMap(path))).toEqual([1]);
	});

	test('what is not there, not an image or damaged is named', async () => {
		const folder = temporaryFolder();
		await expect(readLabelMap(join(folder, 'none.png'))).rejects.toThrow(/none\.png" does not exist/);
		await expect(readLabelMap(folder)).rejects.toThrow(/is a folder/);
		writeFileSync(join(folder, 'text.png'), 'no image');
		await expect(readLabelMap(join(folder, 'text.png'))).rejects.toThrow(/is not an image/);
		const whole = encode({ width: 64, height: 64, channels: 1, data: flat(4096, (at) => (at * 31) % 256) });
		writeFileSync(join(folder, 'cut.png'), whole.subarray(0, whole.length / 2));
		await expect(readLabelMap(join(folder, 'cut.png'))).rejects.toThrow(/cut\.png" is a damaged PNG/);
	});
});

describe('a mask has to fit its clip', () => {
	const mask = { width: 2, height: 1, ids: Uint8Array.of(0, 1), palette: davisPalette };

	test('in size, and mark something', () => {
		expect(() => requireUsableMask('m.png', mask, { width: 2, height: 1 })).not.toThrow();
		expect(() => requireUsableMask('m.png', mask, { width: 4, height: 2 })).toThrow(
			'"m.png" is 2×1, but the clip is 4×2',
		);
		expect(() => requireUsableMask('m.png', { ...mask, ids: Uint8Array.of(0, 0) }, mask)).toThrow(/is empty/);
	});
});

describe('a clip whose pixels are not square', () => {
	const clip = { width: 8, height: 3, stored: { width: 4, height: 3 } };
	const write = (width: number, height: number, ids: readonly number[]) => {
		const path = join(temporaryFolder(), 'mask.png');
		const data = Uint8Array.from(ids);
		writeFileSync(
			path,
			encode({
				width,
				height,
				depth: 8,
				channels: 1,
				palette: [
					[0, 0, 0],
					[255, 0, 0],
				],
				data,
			}),
		);
		return path;
	};

	test('takes masks made on the pixels as stored, and says that it stretches them', async () => {
		const mask = await readWhole(write(4, 3, [0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1]), { size: clip });
		expect(mask).toMatchObject({
			width: 8,
			height: 3,
			remark: expect.stringMatching(/^stretched from 4×3, /),
		});
		expect([...mask.ids].join('')).toBe('000000000011110000000011');
	});

	test('takes masks as displayed without a word, and no other size', async () => {
		const mask = await readWhole(
			write(
				8,
				3,
				Array.from({ length: 24 }, (_, at) => at % 2),
			),
			{ size: clip },
		);
		expect(mask).toMatchObject({ width: 8, height: 3, remark: undefined });
		await expect(
			readWhole(
				write(
					3,
					8,
					Array.from({ length: 24 }, (_, at) => at % 2),
				),
				{ size: clip },
			),
		).rejects.toThrow('is 3×8, but the clip is 8×3');
	});
});

describe('writing an indexed PNG', () => {
	const map = { width: 37, height: 19, ids: flat(37 * 19, (at) => at % 5), palette: davisPalette };

	test('other programs read the same ids and palette', async () => {
		const png = decode(await encodeIndexedPng(map), { checkCrc: true });
		expect(png).toMatchObject({ width: 37, height: 19, depth: 8, channels: 1 });
		expect(png.data).toEqual(map.ids);
		expect(png.palette?.flat()).toEqual([...davisPalette]);
		const { data } = await sharp(await encodeIndexedPng(map))
			.removeAlpha()
			.raw()
			.toBuffer({ resolveWithObject: true });
		expect([...data.subarray(3, 6)]).toEqual([128, 0, 0]);
	});

	test('a palette that is too short is continued, a short one that suffices is kept', async () => {
		const palette = Uint8Array.of(1, 2, 3, 4, 5, 6);
		const short = decode(await encodeIndexedPng({ width: 2, height: 1, ids: Uint8Array.of(0, 1), palette }));
		expect(short.palette?.flat()).toEqual([1, 2, 3, 4, 5, 6]);
		const long = decode(await encodeIndexedPng({ width: 2, height: 1, ids: Uint8Array.of(0, 2), palette }));
		expect(long.palette?.flat()).toEqual([1, 2, 3, 4, 5, 6, 0, 128, 0]);
	});

	test('reading and writing again gives the same bytes', async () => {
		const folder = temporaryFolder();
		await writeIndexedPng(join(folder, 'a.png'), map);
		await writeIndexedPng(join(folder, 'b.png'), await readLabelMap(join(folder, 'a.png')));
		expect(readFileSync(join(folder, 'b.png')).equals(readFileSync(join(folder, 'a.png')))).toBe(true);
	});
});

describe.skipIf(!sharedAvailable)('masks of the DAVIS data set (needs ../shared)', () => {
	test('the palette is ours, the ids are kept', async () => {
		const mask = await readLabelMap(shared('data/davis-multi/Annotations/480p/schoolgirls/00000.png'));
		expect(mask.palette).toEqual(davisPalette);
		expect(objectIds(mask).length).toBeGreaterThan(2);
	});

	test('a grey 0/255 annotation is object 1', async () => {
		expect(objectIds(await readLabelMap(shared('data/davis-train/Annotations/480p/bear/00000.png')))).toEqual(
			[1],
		);
	});
});
