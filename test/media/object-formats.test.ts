import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from 'fast-png';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { LabelMap, Raster } from '../../src/core/frame.js';
import type { ClipInfo } from '../../src/media/clip-info.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { readLabelMap } from '../../src/media/label-map.js';
import { objectPolygons } from '../../src/output/annotations/object-polygons.js';
import { compressRunLengths, runLengths } from '../../src/output/annotations/run-length.js';
import { openSink } from '../../src/output/encode.js';
import { resolveFormat } from '../../src/output/output-format.js';
import { ffmpeg } from '../helpers/ffmpeg.js';
import { decodeRle } from '../helpers/run-length.js';
import { shared, sharedAvailable } from '../helpers/shared.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const width = 40;
const height = 30;
const info: ClipInfo = {
	...{ width, height, frameRate: 25, hasAudio: false },
	...{ estimatedFrames: undefined, durationSeconds: undefined },
};

/** Object 1: a ring with a hole, moving right. Object 3: a bar, gone in frame 2. */
const labelsAt = (index: number): LabelMap => {
	const ids = new Uint8Array(width * height);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const distance = Math.hypot(x - 12 - index, y - 12);
			const isBar = x >= 30 && x < 38 && y >= 4 && y < 26 && index !== 2;
			ids[y * width + x] = distance <= 9 && distance > 3 ? 1 : isBar ? 3 : 0;
		}
	}
	return { width, height, ids, palette: davisPalette };
};

/** The red value tells the column, the green one the row. */
const picture: Raster<3> = {
	...{ width, height, channels: 3 },
	data: Uint8Array.from({ length: width * height * 3 }, (_, at) => {
		const pixel = Math.floor(at / 3);
		return at % 3 === 0 ? (pixel % width) * 6 : at % 3 === 1 ? Math.floor(pixel / width) * 8 : 77;
	}),
};

const writeFrames = async (output: string, format?: string, frames = 4): Promise<void> => {
	const sink = await openSink(await resolveFormat(output, format), { clip: info, objects: [1, 3] });
	for (let index = 0; index < frames; index++) {
		await sink.write({ frame: { index, timeSeconds: index / 25, image: picture }, labels: labelsAt(index) });
	}
	await sink.finish();
};

const maskOf = ({ ids }: LabelMap, id: number): number[] => Array.from(ids, (value) => Number(value === id));

type Coco = {
	images: { id: number; file_name: string; width: number; height: number; frame: number; time: number }[];
	annotations: {
		image_id: number;
		category_id: number;
		area: number;
		bbox: number[];
		segmentation: { size: [number, number]; counts: string } | number[][];
	}[];
	categories: { id: number; name: string }[];
};

/** Fills polygons by the even-odd rule at pixel centres; polygons are joined. */
const fill = (polygons: readonly (readonly number[])[], w: number, h: number): number[] =>
	Array.from({ length: w * h }, (_, at) => {
		const [px, py] = [(at % w) + 0.5, Math.floor(at / w) + 0.5];
		return Number(
			polygons.some((points) => {
				let inside = false;
				for (let i = 0, j = points.length - 2; i < points.length; j = i, i += 2) {
					const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = [points[i], points[i + 1], points[j], points[j + 1]];
					if (y1 > py !== y2 > py && px < ((x2 - x1) * (py - y1)) / (y2 - y1) + x1) {
						inside = !inside;
					}
				}
				return inside;
			}),
		);
	});

describe('COCO JSON', () => {
	test.each(['rle.json', 'polygons.json'])(
		'%s holds every mask of every frame, to the pixel',
		async (name) => {
			const path = join(temporaryFolder(), name);
			await writeFrames(path);
			const coco = JSON.parse(readFileSync(path, 'utf8')) as Coco;
			expect(coco.images).toHaveLength(4);
			expect(coco.images[2]).toEqual({ id: 3, file_name: '00002.png', width, height, frame: 2, time: 0.08 });
			expect(coco.categories.map(({ id }) => id)).toEqual([1, 3]);
			expect(coco.annotations.map(({ image_id, category_id }) => [image_id, category_id])).toEqual(
				// Object 3 is not seen in the third image.
				[1, 2, 3, 4].flatMap((image) =>
					image === 3
						? [[3, 1]]
						: [
								[image, 1],
								[image, 3],
							],
				),
			);
			for (const { image_id, category_id, area, bbox, segmentation } of coco.annotations) {
				const expected = maskOf(labelsAt(image_id - 1), category_id);
				const pixels = Array.isArray(segmentation)
					? fill(segmentation, width, height)
					: decodeRle(segmentation.counts, segmentation.size);
				expect(pixels).toEqual(expected);
				expect(area).toBe(expected.filter((value) => value === 1).length);
				if (category_id === 3) {
					expect(bbox).toEqual([30, 4, 8, 22]);
				}
			}
		},
	);

	// Checked against `mask.frPyObjects` of pycocotools 2.0.11.
	test('run lengths are compressed as COCO’s own tools do', () => {
		expect(compressRunLengths([0, 12])).toBe('0<');
		expect(compressRunLengths([5, 3, 7, 40, 2])).toBe('537U1K');
		expect(compressRunLengths([0, 2, 1, 1])).toBe('021O');
		expect(
			runLengths({ width: 2, height: 2, ids: Uint8Array.of(1, 0, 1, 1), palette: davisPalette }, 1),
		).toEqual([0, 2, 1, 1]);
	});

	test('polygons have few points, and none crosses a pixel’s centre', () => {
		const size = 120;
		const disc = Uint8Array.from({ length: size * size }, (_, at) =>
			Number(Math.hypot((at % size) - 60, Math.floor(at / size) - 60) < 50),
		);
		const labels = { width: size, height: size, ids: disc, palette: davisPalette };
		const polygons = objectPolygons(labels, 1);
		expect(polygons).toHaveLength(1);
		// Its outline has 396 cracks between pixels.
		expect(polygons[0]?.length).toBeLessThan(198);
		expect(
			fill(
				polygons.map((polygon) => polygon.flat()),
				size,
				size,
			),
		).toEqual([...disc]);
	});

	test('noise, single pixels and pixels that touch at corners come back exactly', () => {
		for (let seed = 1; seed <= 20; seed++) {
			const ids = Uint8Array.from({ length: 15 * 11 }, (_, at) => Number(Math.sin(at * 12.9898 * seed) > 0));
			const labels = { width: 15, height: 11, ids, palette: davisPalette };
			const polygons = objectPolygons(labels, 1).map((polygon) => polygon.flat());
			expect(fill(polygons, 15, 11)).toEqual([...ids]);
			expect(decodeRle(compressRunLengths(runLengths(labels, 1)), [11, 15])).toEqual([...ids]);
		}
	});

	test.skipIf(!sharedAvailable)('real masks come back exactly (needs ../shared)', async () => {
		const path = shared('data/davis-multi/Annotations/480p/schoolgirls/00000.png');
		const labels = await readLabelMap(path);
		for (const id of [1, 2]) {
			const expected = maskOf(labels, id);
			const { width: w, height: h } = labels;
			expect(
				fill(
					objectPolygons(labels, id).map((polygon) => polygon.flat()),
					w,
					h,
				),
			).toEqual(expected);
			expect(decodeRle(compressRunLengths(runLengths(labels, id)), [h, w])).toEqual(expected);
		}
	});

	test('a file given up leaves nothing', async () => {
		const folder = temporaryFolder();
		const sink = await openSink(await resolveFormat(join(folder, 'a.json')), { clip: info, objects: [1] });
		await sink.write({ frame: { index: 0, timeSeconds: 0, image: picture }, labels: labelsAt(0) });
		expect(readdirSync(folder)).toEqual([expect.stringMatching(/^\.a\.json\..*\.partial$/)]);
		await sink.abort();
		expect(readdirSync(folder)).toEqual([]);
	});
});

describe('mattes of each object', () => {
	test('as PNGs are in a folder for each, white inside', async () => {
		const folder = join(temporaryFolder(), 'mattes');
		await writeFrames(folder, 'mattes');
		expect(readdirSync(folder)).toEqual(['1', '3']);
		expect(readdirSync(join(folder, '3'))).toEqual(['00000.png', '00001.png', '00002.png', '00003.png']);
		for (const id of [1, 3]) {
			const png = decode(readFileSync(join(folder, String(id), '00001.png')));
			expect(png).toMatchObject({ width, height, channels: 1, depth: 8 });
			expect(Array.from(png.data)).toEqual(maskOf(labelsAt(1), id).map((value) => value * 255));
		}
		await expect(writeFrames(folder, 'mattes')).rejects.toThrow(
			/holds 4 frames already; choose another folder, or add --overwrite\./,
		);
	});

	test.each(['mattes.mkv', 'mattes.mp4', 'mattes.mov'])('as %s are a file for each', async (name) => {
		const folder = temporaryFolder();
		await writeFrames(join(folder, `bear-${name}`));
		const extension = name.slice(-4);
		expect(readdirSync(folder)).toEqual([`bear-mattes-1${extension}`, `bear-mattes-3${extension}`]);
		for (const id of [1, 3]) {
			const path = join(folder, `bear-mattes-${id}${extension}`);
			const pixels = await ffmpeg('-i', path, '-f', 'rawvideo', '-pix_fmt', 'gray', '-');
			expect(pixels.length).toBe(4 * width * height);
			const expected = [0, 1, 2, 3].flatMap((index) => maskOf(labelsAt(index), id));
			const wrong = expected.filter((value, at) => Math.abs((pixels[at] ?? 0) - value * 255) > 60);
			expect(wrong.length).toBe(0);
		}
	});

	test('one that is there already leaves no other half-begun', async () => {
		const folder = temporaryFolder();
		writeFileSync(join(folder, 'mattes-3.mp4'), 'precious');
		await expect(writeFrames(join(folder, 'mattes.mp4'))).rejects.toThrow(/mattes-3\.mp4" exists already/);
		expect(readdirSync(folder)).toEqual(['mattes-3.mp4']);
	});
});

describe('a sprite sheet', () => {
	test('has every cut-out where its JSON says', async () => {
		const folder = temporaryFolder();
		await writeFrames(join(folder, 'bear-sprites.png'));
		expect(readdirSync(folder).sort()).toEqual(['bear-sprites.json', 'bear-sprites.png']);
		const { frames, meta } = JSON.parse(readFileSync(join(folder, 'bear-sprites.json'), 'utf8'));
		const sheet = await sharp(join(folder, 'bear-sprites.png'))
			.ensureAlpha()
			.raw()
			.toBuffer({ resolveWithObject: true });
		expect(meta).toMatchObject({
			image: 'bear-sprites.png',
			size: { w: sheet.info.width, h: sheet.info.height },
		});
		expect(frames).toHaveLength(4);
		for (const [index, sprite] of frames.entries()) {
			const { ids } = labelsAt(index);
			expect(sprite).toMatchObject({ filename: `0000${index}.png`, sourceSize: { w: width, h: height } });
			const { frame, spriteSourceSize: source } = sprite;
			// Put back into an empty frame, it is the cut-out.
			const alpha = new Uint8Array(width * height);
			for (let y = 0; y < frame.h; y++) {
				for (let x = 0; x < frame.w; x++) {
					const from = ((frame.y + y) * sheet.info.width + frame.x + x) * 4;
					const to = (source.y + y) * width + source.x + x;
					alpha[to] = sheet.data[from + 3] ?? 0;
					if (alpha[to] === 255) {
						expect([...sheet.data.subarray(from, from + 3)]).toEqual([
							...picture.data.subarray(to * 3, to * 3 + 3),
						]);
					}
				}
			}
			expect([...alpha]).toEqual(Array.from(ids, (id) => (id > 0 ? 255 : 0)));
		}
	});

	test('goes on to a second one when the first is full', async () => {
		const folder = temporaryFolder();
		const size = 2000;
		const image: Raster<3> = {
			width: size,
			height: size,
			channels: 3,
			data: new Uint8Array(size * size * 3),
		};
		const labels = {
			width: size,
			height: size,
			ids: new Uint8Array(size * size).fill(1),
			palette: davisPalette,
		};
		const sink = await openSink(await resolveFormat(join(folder, 'sprites.png')), { clip: info });
		for (let index = 0; index < 5; index++) {
			await sink.write({ frame: { index, timeSeconds: index, image }, labels });
		}
		await sink.finish();
		expect(readdirSync(folder).sort()).toEqual([
			'sprites-2.json',
			'sprites-2.png',
			'sprites.json',
			'sprites.png',
		]);
		const first = JSON.parse(readFileSync(join(folder, 'sprites.json'), 'utf8'));
		expect(first.meta.related_multi_packs).toEqual(['sprites-2.json']);
		expect(first.frames).toHaveLength(4);
	});
});

describe('choosing these formats', () => {
	test('by name and by extension', async () => {
		const kind = async (output: string, format?: string) => {
			const choice = await resolveFormat(output, format);
			return `${choice.format.name} ${choice.path}`;
		};
		expect(await kind('bear.json')).toBe('rle.json bear.json');
		expect(await kind('bear-polygons.json')).toBe('polygons.json bear-polygons.json');
		expect(await kind('bear-mattes.mov')).toBe('mattes.mov bear-mattes.mov');
		expect(await kind('bear-sprites.png')).toBe('sprites.png bear-sprites.png');
		expect(await kind('out', 'sprites.png')).toBe(`sprites.png ${join('out', 'sprites.png')}`);
		expect(await kind('out', 'mattes')).toBe('mattes out');
		for (const extension of ['mlt', 'otio', 'jsx', 'fcpxml']) {
			expect(await kind(`bear.${extension}`)).toBe(`project.${extension} bear.${extension}`);
		}
		const folder = join(temporaryFolder(), 'mattes');
		mkdirSync(folder);
		expect(await kind(folder)).toBe(`mattes ${folder}`);
	});
});
