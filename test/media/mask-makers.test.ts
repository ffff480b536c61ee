import { describe, expect, test } from 'vitest';
import { davisPalette } from '../../src/media/davis-palette.js';
import { type ReadMaskOptions, readMask } from '../../src/media/label-map.js';
import {
	box,
	brush,
	coverage,
	disc,
	H,
	inside,
	paint,
	voc,
	W,
	writeIndexed,
	writePng,
	writeWithSharp,
} from '../helpers/masks.js';

// What different programs save for the same thing. Each expectation is what the person meant.

const one = disc(150, 90, 45);
const other = box(230.5, 40.5, 290.5, 120.5);
const third = disc(60, 60, 30);
const truth = inside(one);
const soft = coverage(one);
const red = [255, 0, 0] as const;
const green = [0, 255, 0] as const;
const black = [0, 0, 0] as const;
const white = [255, 255, 255] as const;
const grey = (cover: ArrayLike<number>, low = 0, high = 255): Uint8Array =>
	Uint8Array.from(cover, (value) => Math.round(low + (high - low) * value));
const grey16 = (cover: ArrayLike<number>): Uint16Array =>
	Uint16Array.from(cover, (value) => Math.round(65535 * value));
const softGrey = grey(soft);
const hair = brush(150, 90, 62);
/** Ids of several shapes, the later ones on top. */
const ids = (...shapes: readonly (readonly [Uint8Array, number])[]): Uint8Array => {
	const all = new Uint8Array(W * H);
	for (const [where, id] of shapes) {
		where.forEach((value, at) => {
			all[at] = value === 1 ? id : (all[at] ?? 0);
		});
	}
	return all;
};
const three = ids([truth, 1], [inside(other), 2], [inside(third), 3]);
/** Regions 3 to 9 pixels wide, as a network that segments everything makes them. */
const everything = (count: number): Uint8Array =>
	Uint8Array.from({ length: W * H }, (_, at) => {
		const [x, y] = [at % W, Math.floor(at / W)];
		const id = Math.floor(y / 10) * 16 + Math.floor(x / 20) + 1;
		return x % 20 < 3 + (id % 12) && y % 10 < 4 + (id % 5) && id <= count ? id : 0;
	});

const agreement = (found: Uint8Array, wanted: Uint8Array): number => {
	let [both, either] = [0, 0];
	for (let at = 0; at < wanted.length; at++) {
		both += found[at] === wanted[at] && wanted[at] !== 0 ? 1 : 0;
		either += found[at] !== 0 || wanted[at] !== 0 ? 1 : 0;
	}
	return both / either;
};

/** Reads a mask and sees whether every object is where it was painted. */
const expectObjects = async (path: string, wanted: Uint8Array, options?: ReadMaskOptions) => {
	const mask = await readMask(path, options);
	expect([...new Set(mask.ids)].sort((a, b) => a - b)).toEqual([...new Set(wanted)].sort((a, b) => a - b));
	expect(agreement(mask.ids, wanted)).toBeGreaterThan(0.97);
	return mask;
};

describe('one object', () => {
	test.each<[string, () => string | Promise<string>]>([
		['GIMP, Inkscape: smooth edges, grey', () => writePng(grey(soft), 1)],
		['few steps at the edge', () => writePng(grey(coverage(one, 2)), 1)],
		['grey saved as colours', () => writePng(paint(black, [soft, white]), 3)],
		[
			'grey with alpha that is opaque',
			() =>
				writePng(
					Uint8Array.from({ length: W * H * 2 }, (_, n) => (n % 2 ? 255 : (softGrey[n >> 1] ?? 0))),
					2,
				),
		],
		['Krita, Nuke: 16 bits with smooth edges', () => writePng(grey16(soft), 1)],
		[
			'16 bits, colours',
			() =>
				writePng(
					Uint16Array.from(paint(black, [soft, white]), (v) => v * 257),
					3,
				),
		],
		['Photoshop: a feathered selection', () => writePng(grey(brush(150, 90, 90)), 1)],
		['a brush at half strength', () => writePng(grey(brush(150, 90, 90), 0, 128), 1)],
		['video levels, hard', () => writePng(grey(truth, 16, 235), 1)],
		['video levels, smooth (ffmpeg -pix_fmt gray)', () => writePng(grey(soft, 16, 235), 1)],
		['After Effects: not quite black, not quite white', () => writePng(grey(soft, 6, 249), 1)],
		[
			'JPEG of the best quality',
			() => writeWithSharp(grey(truth), 1, 'm.jpg', (i) => i.jpeg({ quality: 100 })),
		],
		['JPEG of good quality', () => writeWithSharp(grey(truth), 1, 'm.jpg', (i) => i.jpeg({ quality: 95 }))],
		[
			'JPEG of middling quality',
			() => writeWithSharp(grey(truth), 1, 'm.jpg', (i) => i.jpeg({ quality: 75 })),
		],
		['JPEG of bad quality', () => writeWithSharp(grey(truth), 1, 'm.jpg', (i) => i.jpeg({ quality: 40 }))],
		[
			'JPEG in colours',
			() => writeWithSharp(paint(black, [truth, white]), 3, 'm.jpg', (i) => i.jpeg({ quality: 85 })),
		],
		[
			'WebP, lossy',
			() => writeWithSharp(paint(black, [truth, white]), 3, 'm.webp', (i) => i.webp({ quality: 80 })),
		],
		['a JPEG that was saved as PNG', async () => writeWithSharp(grey(truth), 1, 'm.png', (i) => i)],
		['TIFF', () => writeWithSharp(grey(soft), 1, 'm.tif', (i) => i)],
		[
			'a matting network: a hard core, a rim of hair',
			() => writePng(grey(soft.map((v, at) => Math.max(v, 0.7 * (hair[at] ?? 0) ** 2))), 1),
		],
		[
			'indexed in 16 greys, darkest first',
			() =>
				writeIndexed(
					grey(soft).map((v) => v >> 4),
					Array.from({ length: 48 }, (_, n) => Math.floor(n / 3) * 17),
				),
		],
		[
			'indexed in 16 greys, most frequent first',
			() =>
				writeIndexed(
					grey(soft).map((v) => (v >> 4) ^ 15),
					Array.from({ length: 48 }, (_, n) => (15 - Math.floor(n / 3)) * 17),
				),
		],
		[
			'a saliency map in 16 greys',
			() =>
				writePng(
					grey(brush(150, 90, 95)).map((v) => (v >> 4) * 17),
					1,
				),
		],
		[
			'indexed greys, a grey an index',
			() =>
				writeIndexed(
					grey(soft),
					Array.from({ length: 768 }, (_, n) => Math.floor(n / 3)),
				),
		],
		[
			'Photoshop PNG-8: a black object, the rest transparent',
			() =>
				writeIndexed(
					truth.map((v) => 1 - v),
					[...black, ...white],
					[255, 0],
				),
		],
		[
			'a picture cut out',
			() =>
				writePng(
					Uint8Array.from({ length: W * H * 4 }, (_, n) =>
						n % 4 === 3 ? (softGrey[n >> 2] ?? 0) : (n * 7919) % 251,
					),
					4,
				),
		],
		[
			'Blender: premultiplied, transparent film',
			() =>
				writePng(
					Uint8Array.from({ length: W * H * 4 }, (_, n) =>
						Math.round((n % 4 === 3 ? 255 : 60 + ((n * 31) % 90)) * (soft[n >> 2] ?? 0)),
					),
					4,
				),
		],
		[
			'a soft layer without an opaque pixel',
			() =>
				writePng(
					Uint8Array.from({ length: W * H * 4 }, (_, n) =>
						n % 4 === 3 ? Math.round(120 * (soft[n >> 2] ?? 0)) : 255,
					),
					4,
				),
		],
	])('%s', async (_, make) => {
		const mask = await readMask(await make());
		expect([...new Set(mask.ids)].sort()).toEqual([0, 1]);
		expect(mask.knownBy).toBe('nothing');
		// A soft brush covers what it covers by half; the disc that was meant is a little larger or smaller.
		expect(agreement(mask.ids, truth)).toBeGreaterThan(0.9);
	});

	test.each<[string, () => string | Promise<string>, readonly number[]]>([
		['GIMP: red with smooth edges on black', () => writePng(paint(black, [soft, red]), 3), red],
		['the same, opaque RGBA', () => writePng(paint([...black, 255], [soft, [...red, 255]]), 4), red],
		['red on white', () => writePng(paint(white, [truth, red]), 3), red],
		['red on white, smooth', () => writePng(paint(white, [soft, red]), 3), red],
		[
			'red on white with a black outline',
			() => writePng(paint(white, [coverage(disc(150, 90, 46)), black], [soft, red]), 3),
			red,
		],
		[
			'JPEG: red on black',
			() => writeWithSharp(paint(black, [truth, red]), 3, 'm.jpg', (i) => i.jpeg({ quality: 90 })),
			red,
		],
		[
			'indexed, the object first, the rest transparent',
			() =>
				writeIndexed(
					truth.map((v) => 1 - v),
					[...red, ...white],
					[255, 0],
				),
			red,
		],
		['indexed, the transparent entry first', () => writeIndexed(truth, [...white, ...red], [0]), red],
		[
			'indexed, the object first, white behind',
			() =>
				writeIndexed(
					truth.map((v) => 1 - v),
					[...red, ...white],
				),
			red,
		],
		[
			'indexed, with white behind and a black that nothing has',
			() =>
				writeIndexed(
					truth.map((v) => v + 1),
					[...black, ...white, ...red],
				),
			red,
		],
		[
			'premultiplied red',
			() =>
				writePng(
					Uint8Array.from({ length: W * H * 4 }, (_, n) =>
						n % 4 === 0 || n % 4 === 3 ? (softGrey[n >> 2] ?? 0) : 0,
					),
					4,
				),
			red,
		],
		['a layer of red', () => writePng(paint([...red, 0], [soft, [...red, 255]]), 4), red],
	])('%s', async (_, make, colour) => {
		const mask = await readMask(await make());
		const marked = Uint8Array.from(mask.ids, (id) => (id === 0 ? 0 : 1));
		expect(new Set(mask.ids).size).toBe(2);
		expect(agreement(marked, truth)).toBeGreaterThan(0.95);
		expect(mask.knownBy).toBe('colour');
		const id = Math.max(...mask.ids);
		[...mask.palette.subarray(id * 3, id * 3 + 3)].forEach((value, channel) => {
			expect(Math.abs(value - (colour[channel] ?? 0))).toBeLessThan(12);
		});
	});

	test('a soft red brush is one object, not one for each shade', async () => {
		const mask = await readMask(writePng(paint(black, [brush(150, 90, 90), red]), 3));
		expect(new Set(mask.ids).size).toBe(2);
		expect(agreement(mask.ids, truth)).toBeGreaterThan(0.9);
	});
});

describe('several objects', () => {
	test.each([5, 31, 32, 33, 60, 127, 200, 255])('grey ids 1 to %i, as networks write them', async (count) => {
		const wanted = everything(count);
		const mask = await expectObjects(writePng(wanted, 1), wanted);
		expect(mask.ids).toEqual(wanted);
		expect(mask.knownBy).toBe('id');
	});

	test('grey ids in 16 bits, also those that are larger than 255', async () => {
		const small = Uint16Array.from(everything(200));
		expect((await readMask(writePng(small, 1))).ids).toEqual(everything(200));
		const cityscapes = Uint16Array.from(three, (id) => (id === 0 ? 0 : 26000 + id * 2));
		const mask = await readMask(writePng(cityscapes, 1));
		expect(mask.ids).toEqual(three);
		expect([...(mask.fileIds ?? [])]).toEqual([
			[1, 26002],
			[2, 26004],
			[3, 26006],
		]);
	});

	test('ids that touch each other and fill the frame but for a corner', async () => {
		const tiles = Uint8Array.from({ length: W * H }, (_, at) => {
			const [x, y] = [at % W, Math.floor(at / W)];
			return Math.floor(y / 20) * 16 + Math.floor(x / 20);
		});
		expect((await readMask(writePng(tiles, 1))).ids).toEqual(tiles);
	});

	test('bright greys are ids too, with smooth edges or without', async () => {
		const levels = ids([truth, 85], [inside(other), 170], [inside(third), 255]);
		await expectObjects(writePng(levels, 1), levels);
		const smooth = Uint8Array.from({ length: W * H }, (_, at) =>
			Math.round(85 * (soft[at] ?? 0) + 170 * (coverageOther[at] ?? 0) + 255 * (coverageThird[at] ?? 0)),
		);
		await expectObjects(writePng(smooth, 1), levels);
	});

	test('DAVIS and YouTube-VOS: indexed with their palette, whole or cut short', async () => {
		expect((await readMask(writeIndexed(three, [...davisPalette]))).ids).toEqual(three);
		expect((await readMask(writeIndexed(three, [...davisPalette.subarray(0, 12)]))).ids).toEqual(three);
		// An object may cover everything.
		const full = new Uint8Array(W * H).fill(1);
		expect((await readMask(writeIndexed(full, [...davisPalette]))).ids).toEqual(full);
	});

	test('labelme, VOC: the rim of 255 belongs to nothing', async () => {
		const rim = ids([inside(disc(150, 90, 48)), 255], [truth, 1]);
		const mask = await readMask(writeIndexed(rim, voc));
		expect(mask.ids).toEqual(truth);
		expect(mask.remark).toContain('rim');
	});

	test('CVAT: colours of the labels, or of VOC', async () => {
		const own = paint(black, [truth, [250, 50, 83]], [inside(other), [51, 221, 255]]);
		await expectObjects(writePng(own, 3), ids([inside(other), 1], [truth, 2]));
		const byVoc = Uint8Array.from(
			{ length: W * H * 3 },
			(_, n) => voc[(three[Math.floor(n / 3)] ?? 0) * 3 + (n % 3)] ?? 0,
		);
		expect((await readMask(writePng(byVoc, 3))).ids).toEqual(three);
	});

	test('colours with smooth edges', async () => {
		const mask = await readMask(writePng(paint(black, [soft, red], [coverageOther, green]), 3));
		const found = Uint8Array.from(mask.ids, (id) => (id === 0 ? 0 : mask.palette[id * 3] === 255 ? 1 : 2));
		expect(agreement(found, ids([truth, 1], [inside(other), 2]))).toBeGreaterThan(0.97);
	});

	test('colours on white, and colours in a JPEG', async () => {
		const picture = paint(white, [soft, red], [coverageOther, [0, 0, 255]]);
		for (const path of [
			writePng(picture, 3),
			await writeWithSharp(picture, 3, 'm.jpg', (image) => image.jpeg({ quality: 92 })),
		]) {
			const mask = await readMask(path);
			const found = Uint8Array.from(mask.ids, (id) =>
				id === 0 ? 0 : (mask.palette[id * 3] ?? 0) > 200 ? 1 : 2,
			);
			expect(agreement(found, ids([truth, 1], [inside(other), 2]))).toBeGreaterThan(0.95);
		}
	});

	test('soft brushes in two colours', async () => {
		const mask = await readMask(
			writePng(paint(black, [brush(90, 90, 80), red], [brush(250, 90, 60), green]), 3),
		);
		expect(new Set(mask.ids).size).toBe(3);
	});

	test('flat colours on transparency', async () => {
		const layer = Uint8Array.from({ length: W * H * 4 }, (_, n) => {
			const id = three[n >> 2] ?? 0;
			return n % 4 === 3 ? (id > 0 ? 255 : 0) : (davisPalette[id * 3 + (n % 4)] ?? 0);
		});
		expect((await readMask(writePng(layer, 4))).ids).toEqual(three);
		// SAM's demonstrations make them a third transparent.
		const faint = layer.map((value, n) => (n % 4 === 3 ? Math.round(value * 0.35) : value));
		expect((await readMask(writePng(faint, 4))).ids).toEqual(three);
	});

	test('a palette sorted by what is most frequent counts by its colours', async () => {
		const sorted = three.map((id) => [2, 0, 1, 3][id] ?? 0);
		const mask = await readMask(writeIndexed(sorted, [...red, ...green, ...black, 0, 0, 255]));
		const found = Uint8Array.from(mask.ids, (id) =>
			id === 0
				? 0
				: ({ ff0000: 1, '00ff00': 2, '0000ff': 3 }[
						Buffer.from(mask.palette.subarray(id * 3, id * 3 + 3)).toString('hex')
					] ?? 9),
		);
		expect(found).toEqual(three);
	});

	test('thin parts and specks are kept where nothing is soft', async () => {
		const thin = ids([truth, 1], [inside(box(10, 10, 300, 11)), 2], [inside(box(20, 100, 22, 102)), 3]);
		expect((await readMask(writePng(thin, 1))).ids).toEqual(thin);
	});
});

const coverageOther = coverage(other);
const coverageThird = coverage(third);

describe('what can be understood in two ways is asked', () => {
	const trimap = grey(inside(disc(150, 90, 50)), 0, 128).map((value, at) => (truth[at] === 1 ? 255 : value));
	const tiled = Uint8Array.from({ length: W * H }, (_, at) => (at % W < 150 ? 1 : 2));
	const core = inside(disc(150, 90, 20));
	const painted = Uint8Array.from({ length: W * H * 4 }, (_, n) => {
		const [at, channel] = [n >> 2, n % 4];
		const isRed = core[at] === 1;
		return channel === 3 ? (truth[at] ?? 0) * 255 : channel === 0 && isRed ? 255 : 0;
	});

	test('and --mask-type says which', async () => {
		const path = writePng(trimap, 1);
		await expect(readMask(path)).rejects.toThrow(/trimap.*--mask-type binary or --mask-type ids/);
		expect(agreement((await readMask(path, { type: 'binary' })).ids, truth)).toBeGreaterThan(0.8);
		expect(new Set((await readMask(path, { type: 'ids' })).ids)).toEqual(new Set([0, 128, 255]));
	});

	test('ids without background', async () => {
		const path = writePng(tiled, 1);
		await expect(readMask(path)).rejects.toThrow(/has no background.*--mask-type ids/);
		expect((await readMask(path, { type: 'ids' })).ids).toEqual(tiled);
	});

	test('paint on transparency, some of it black', async () => {
		const path = writePng(painted, 4);
		await expect(readMask(path)).rejects.toThrow(/--mask-type alpha or --mask-type colour/);
		expect((await readMask(path, { type: 'alpha' })).ids).toEqual(truth);
		expect(new Set((await readMask(path, { type: 'colour' })).ids).size).toBe(3);
	});

	test.each<[string, () => string | Promise<string>]>([
		['white', () => writePng(new Uint8Array(W * H).fill(255), 1)],
		['opaque white', () => writePng(new Uint8Array(W * H * 4).fill(255), 4)],
		['the white of video', () => writePng(new Uint8Array(W * H).fill(235), 1)],
		['white in a JPEG', () => writeWithSharp(new Uint8Array(W * H * 3).fill(255), 3, 'white.jpg')],
		['red', () => writePng(paint(black, [new Float64Array(W * H).fill(1), red]), 3)],
	])('one colour all over: %s', async (_name, write) => {
		const path = await write();
		await expect(readMask(path)).rejects.toThrow(
			/all over, so nothing in it is background.*--mask-type binary/,
		);
		expect((await readMask(path, { type: 'binary' })).ids.every((id) => id === 1)).toBe(true);
	});

	test('colours that fill the frame', async () => {
		const flag = Uint8Array.from({ length: W * H * 3 }, (_, n) =>
			(Math.floor(n / 3) % W) * 3 >= W * (n % 3) && (Math.floor(n / 3) % W) * 3 < W * ((n % 3) + 1)
				? 255
				: 20,
		);
		const path = writePng(flag, 3);
		await expect(readMask(path)).rejects.toThrow(/has no background.*--mask-type colour/);
		expect(new Set((await readMask(path, { type: 'colour' })).ids)).toEqual(new Set([1, 2, 3]));
	});

	test('pictures are no masks, in grey or in colours', async () => {
		const photograph = (channels: 1 | 3) =>
			Uint8Array.from({ length: W * H * channels }, (_, n) => {
				const [at, channel] = [Math.floor(n / channels), n % channels];
				const [x, y] = [at % W, Math.floor(at / W)];
				const texture =
					Math.sin(x / 9 + channel) * 40 +
					Math.cos(y / 7 - channel * 2) * 40 +
					(((x * 131 + y * 71 + channel * 37) * 2654435761) >>> 28);
				return Math.max(0, Math.min(255, 128 + texture + 30 * Math.sin((x + y) / 40)));
			});
		await expect(readMask(writePng(photograph(3), 3))).rejects.toThrow(/looks like a picture/);
		await expect(readMask(writePng(photograph(1), 1))).rejects.toThrow(
			/looks like a picture.*--mask-type binary/,
		);
		expect(new Set((await readMask(writePng(photograph(1), 1), { type: 'binary' })).ids)).toEqual(
			new Set([0, 1]),
		);
	});

	test('a type that the file does not have is refused', async () => {
		await expect(readMask(writePng(grey(truth), 1), { type: 'alpha' })).rejects.toThrow(
			/has no transparency/,
		);
		await expect(readMask(writePng(paint(black, [truth, red]), 3), { type: 'ids' })).rejects.toThrow(
			/has colours/,
		);
	});
});
