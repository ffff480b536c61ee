import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { LabelMap, Raster } from '../../src/core/frame.js';
import type { ClipInfo } from '../../src/media/clip-info.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { openSink } from '../../src/output/encode.js';
import { resolveFormat } from '../../src/output/output-format.js';
import { pythonWith, runPython } from '../helpers/python.js';
import { decodeRle } from '../helpers/run-length.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { findAll, parseXml } from '../helpers/xml.js';

const [width, height, count] = [41, 30, 6];
const objects = [1, 3, 7];
const info: ClipInfo = {
	...{ width, height, frameRate: 25, hasAudio: false },
	...{ estimatedFrames: undefined, durationSeconds: undefined },
};

/**
 * Object 1: a ring with a hole, moving right, and single pixels. Object 3: a bar at the edge that is gone in frames 2 and 3. Object 7 is
 * never seen.
 */
const labelsAt = (index: number): LabelMap => {
	const ids = new Uint8Array(width * height);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const distance = Math.hypot(x - 12 - index, y - 12);
			const isBar = x >= 33 && y >= 4 && index !== 2 && index !== 3;
			const isNoise = (x * 7 + y * 13 + index) % 53 === 0;
			ids[y * width + x] = (distance <= 9 && distance > 3) || isNoise ? 1 : isBar ? 3 : 0;
		}
	}
	return { width, height, ids, palette: davisPalette };
};

const maskAt = (index: number, id: number): number[] =>
	Array.from(labelsAt(index).ids, (value) => Number(value === id));

/** `[x, y, width, height]`; undefined when nothing is seen. */
const boxAt = (index: number, id: number): number[] | undefined => {
	const seen = maskAt(index, id).flatMap((value, at) =>
		value === 1 ? [[at % width, Math.floor(at / width)]] : [],
	);
	const [xs, ys] = [seen.map(([x = 0]) => x), seen.map(([, y = 0]) => y)];
	const [left, top] = [Math.min(...xs), Math.min(...ys)];
	return seen.length === 0 ? undefined : [left, top, Math.max(...xs) - left + 1, Math.max(...ys) - top + 1];
};

const areaOf = (mask: readonly number[]): number => mask.filter((value) => value === 1).length;
const frames = Array.from({ length: count }, (_, index) => index);

/** @param first the number of the first frame, where frames are numbered files */
const write = async (name: string, format?: string, first?: number): Promise<string> => {
	const path = join(temporaryFolder(), name);
	const sink = await openSink(await resolveFormat(path, format), {
		clip: info,
		objects,
		clipName: 'a "b".mp4',
	});
	const image: Raster<3> = { width, height, channels: 3, data: new Uint8Array(width * height * 3) };
	for (const index of frames) {
		const number = first === undefined ? undefined : first + index;
		await sink.write({ frame: { index, number, timeSeconds: index / 25, image }, labels: labelsAt(index) });
	}
	await sink.finish();
	expect(readdirSync(join(path, '..')).filter((other) => other.startsWith('.'))).toEqual([]);
	return path;
};

const json = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

describe('YouTube-VIS', () => {
	const perFrame = <Value extends z.ZodType>(value: Value) => z.array(value.nullable()).length(count);
	const size = { width: z.literal(width), height: z.literal(height), length: z.literal(count) };
	const file = z.strictObject({
		videos: z.tuple([
			z.strictObject({ id: z.literal(1), ...size, file_names: z.array(z.string()).length(count) }),
		]),
		categories: z.array(z.strictObject({ id: z.int(), name: z.string(), supercategory: z.string() })),
		annotations: z.array(
			z.strictObject({
				...{ id: z.int(), video_id: z.literal(1), category_id: z.int(), iscrowd: z.literal(0), ...size },
				segmentations: perFrame(
					z.strictObject({ size: z.tuple([z.literal(height), z.literal(width)]), counts: z.string().min(1) }),
				),
				areas: perFrame(z.int().positive()),
				bboxes: perFrame(z.array(z.int()).length(4)),
			}),
		),
	});

	test('has every object through the whole clip, null where it is not seen', async () => {
		const { videos, categories, annotations } = file.parse(
			json(await write('bear-ytvis.json', undefined, 1001)),
		);
		expect(videos[0].file_names[5]).toBe('01006.png');
		expect(categories.map(({ id }) => id)).toEqual(objects);
		expect(annotations.map(({ category_id }) => category_id)).toEqual(objects);
		for (const { category_id, segmentations, areas, bboxes } of annotations) {
			for (const index of frames) {
				const [expected, mask] = [maskAt(index, category_id), segmentations[index]];
				expect(mask === null).toBe(!expected.includes(1));
				expect(mask && decodeRle(mask.counts, mask.size)).toEqual(mask && expected);
				expect(areas[index]).toBe(mask && areaOf(expected));
				expect(bboxes[index] ?? undefined).toEqual(boxAt(index, category_id));
			}
		}
	});
});

describe('MOTS', () => {
	test('has a line for each object in each frame', async () => {
		const lines = readFileSync(await write('bear-mots.txt', undefined, 1001), 'utf8').split('\n');
		expect(lines.pop()).toBe('');
		const seen = lines.map((line) => {
			const [, frame, id, kind, h, w, rle = ''] =
				/^(\d+) (\d+) (\d+) (\d+) (\d+) ([0-o]+)$/.exec(line) ?? expect.fail(`not a line of MOTS: ${line}`);
			expect([kind, Number(h), Number(w)]).toEqual(['1', height, width]);
			const [index, object] = [Number(frame) - 1001, Number(id) - 1000];
			expect(decodeRle(rle, [height, width])).toEqual(maskAt(index, object));
			return [index, object];
		});
		expect(seen).toEqual(
			frames.flatMap((index) => objects.filter((id) => boxAt(index, id)).map((id) => [index, id])),
		);
	});

	test('or pictures of 16 bits', async () => {
		const folder = await write('mots', 'mots-png');
		expect(readdirSync(folder)).toHaveLength(count);
		const { depth, channels, data } = decode(readFileSync(join(folder, '00004.png')));
		expect([depth, channels]).toEqual([16, 1]);
		expect([...data]).toEqual(Array.from(labelsAt(4).ids, (id) => (id === 0 ? 0 : 1000 + id)));
	});
});

const pycocotools = pythonWith('pycocotools', 'numpy');

describe.skipIf(pycocotools === undefined)('the tools of COCO (needs python3 with pycocotools)', () => {
	test('read the same masks from YouTube-VIS and MOTS', async () => {
		const script = `
import json, sys
from pycocotools import mask
vis = json.load(open(sys.argv[1]))
out = []
for a in vis["annotations"]:
    for frame, rle in enumerate(a["segmentations"]):
        if rle is not None:
            assert int(mask.area(rle)) == a["areas"][frame] and mask.toBbox(rle).tolist() == a["bboxes"][frame]
            out.append([frame, a["category_id"], mask.decode(rle).flatten().tolist()])
for line in open(sys.argv[2]):
    frame, id, kind, h, w, rle = line.split()
    rle = {"size": [int(h), int(w)], "counts": rle.encode()}
    out.append([int(frame), int(id) - 1000, mask.decode(rle).flatten().tolist()])
print(json.dumps(out))
`;
		const files = [await write('a-ytvis.json'), await write('a-mots.txt')];
		const masks = JSON.parse(await runPython(pycocotools ?? '', script, ...files)) as [
			number,
			number,
			number[],
		][];
		expect(masks).toHaveLength(2 * (count + count - 2));
		for (const [index, id, mask] of masks) {
			expect(mask).toEqual(maskAt(index, id));
		}
	});
});

describe('CVAT', () => {
	test('has every mask as a track that ends with its frame, in its box, row by row', async () => {
		const root = parseXml(readFileSync(await write('bear-cvat.xml'), 'utf8'));
		expect(root.name).toBe('annotations');
		expect(findAll(root, 'version')[0]?.text).toBe('1.1');
		expect(findAll(root, 'mode')[0]?.text).toBe('interpolation');
		expect(findAll(root, 'name').map(({ text }) => text)).toEqual(objects.map((id) => `object ${id}`));
		const tracks = findAll(root, 'track');
		expect(tracks.map(({ attributes }) => attributes.id)).toEqual(tracks.map((_, at) => String(at)));
		const seen = tracks.map(({ attributes, children }) => {
			const id = Number(attributes.group_id);
			expect(attributes.label).toBe(`object ${id}`);
			const [shown, end] = children.map((child) => child.attributes);
			const index = Number(shown?.frame);
			expect(shown).toMatchObject({ keyframe: '1', outside: '0', occluded: '0', z_order: '0' });
			// It ends in the next frame, where there is one.
			expect(end).toEqual(
				index === count - 1 ? undefined : { ...shown, frame: `${index + 1}`, outside: '1' },
			);
			const [left = 0, top = 0, w = 0, h = 0] = ['left', 'top', 'width', 'height'].map((name) =>
				Number(shown?.[name]),
			);
			expect([left, top, w, h]).toEqual(boxAt(index, id));
			// As CVAT reads it: numbers with commas between, outside first.
			const inBox = (shown?.rle ?? '').split(',').flatMap((run, at) => Array(Number(run)).fill(at % 2));
			expect(inBox).toHaveLength(w * h);
			const expected = maskAt(index, id).filter((_, at) => {
				const [x, y] = [(at % width) - left, Math.floor(at / width) - top];
				return x >= 0 && y >= 0 && x < w && y < h;
			});
			expect(inBox).toEqual(expected);
			return [index, id];
		});
		expect(seen).toEqual(
			frames.flatMap((index) => objects.filter((id) => boxAt(index, id)).map((id) => [index, id])),
		);
	});
});

describe('Label Studio', () => {
	const percent = z.number().min(0).max(100);
	const tasks = z.tuple([
		z.strictObject({
			data: z.strictObject({ video: z.string() }),
			predictions: z.tuple([
				z.strictObject({
					model_version: z.string(),
					result: z.array(
						z.strictObject({
							...{ id: z.string(), from_name: z.literal('box'), to_name: z.literal('video') },
							...{ type: z.literal('videorectangle'), origin: z.literal('prediction') },
							value: z.strictObject({
								framesCount: z.literal(count),
								duration: z.number(),
								labels: z.tuple([z.string()]),
								sequence: z.array(
									z.strictObject({
										...{ frame: z.int().min(1).max(count), time: z.number(), enabled: z.boolean() },
										...{ rotation: z.literal(0), x: percent, y: percent, width: percent, height: percent },
									}),
								),
							}),
						}),
					),
				}),
			]),
		}),
	]);

	test('has the box of each object in the frames in which it is seen, and no span over others', async () => {
		const [{ data, predictions }] = tasks.parse(json(await write('bear-label-studio.json')));
		expect(data.video).toBe('a "b".mp4');
		const { result } = predictions[0];
		expect(result.map(({ value }) => value.labels[0])).toEqual(objects.map((id) => `object ${id}`));
		for (const [at, { value }] of result.entries()) {
			expect(value.duration).toBeCloseTo(count / 25);
			const id = objects[at] ?? 0;
			// A box is shown from its frame on until the next one, unless it is the last of its span.
			const shown = new Map(value.sequence.map((box) => [box.frame, box]));
			for (const index of frames) {
				const box = shown.get(index + 1);
				const pixels = box && [
					...[(box.x * width) / 100, (box.y * height) / 100],
					...[(box.width * width) / 100, (box.height * height) / 100],
				];
				expect(pixels).toEqual(boxAt(index, id)?.map((value) => expect.closeTo(value, 5)));
				if (box !== undefined) {
					expect(box.time).toBeCloseTo(index / 25);
					expect(box.enabled).toBe(shown.has(index + 2));
				}
			}
		}
	});
});

describe('names', () => {
	test.each([
		['masks.txt', 'mots.txt'],
		['masks.xml', 'cvat.xml'],
		['bear-ytvis.json', 'ytvis.json'],
		['bear-label-studio.json', 'label-studio.json'],
		['bear.json', 'rle.json'],
	])('%s means %s', async (name, format) => {
		expect((await resolveFormat(join('out', name))).format.name).toBe(format);
	});

	test('are not replaced unasked', async () => {
		const path = await write('bear-ytvis.json');
		const open = async () => openSink(await resolveFormat(path), { clip: info, objects });
		await expect(open()).rejects.toThrow(/exists already/);
	});
});
