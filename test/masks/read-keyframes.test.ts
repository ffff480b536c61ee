import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeMask } from '../../src/cli/describe-painted.js';
import { readKeyframes } from '../../src/masks/read-keyframes.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { writeIndexedPng } from '../../src/media/indexed-png.js';
import { box, coverage, H, inside, paint, W, writeIndexed, writePng } from '../helpers/masks.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const clip = { width: 8, height: 4 };

/** A mask with each id in a column of its own, in the given colours. */
const writeMask = async (
	name: string,
	ids: readonly number[],
	colours: Readonly<Record<number, readonly [number, number, number]>>,
	folder: string,
): Promise<string> => {
	const palette = new Uint8Array(3 * 8);
	for (const [id, colour] of Object.entries(colours)) {
		palette.set(colour, Number(id) * 3);
	}
	const path = join(folder, name);
	await writeIndexedPng(path, {
		...clip,
		ids: Uint8Array.from({ length: 32 }, (_, at) => ids[at % 8] ?? 0),
		palette,
	});
	return path;
};

const red = [255, 0, 0] as const;
const blue = [0, 0, 255] as const;

describe('the masks of a run', () => {
	it('come in the order of their frames, with the objects and colours of all of them', async () => {
		const folder = temporaryFolder();
		const a = await writeMask('a.png', [1], { 1: red }, folder);
		const b = await writeMask('b.png', [0, 3], { 3: blue }, folder);
		const { keyframes, objects, palette } = await readKeyframes(
			[
				{ frame: 9, path: b },
				{ frame: 0, path: a },
			],
			clip,
		);
		expect(keyframes.map(({ frame }) => frame)).toEqual([0, 9]);
		expect(objects).toEqual([1, 3]);
		expect([...palette.subarray(3, 6)]).toEqual([...red]);
		expect([...palette.subarray(9, 12)]).toEqual([...blue]);
	});

	it('are refused with a sentence when two are of one frame, of another size, or all empty', async () => {
		const folder = temporaryFolder();
		const a = await writeMask('a.png', [1], { 1: red }, folder);
		const empty = await writeMask('empty.png', [], { 1: red }, folder);
		const twice = [
			{ frame: 5, path: a },
			{ frame: 5, path: empty },
		];
		await expect(readKeyframes(twice, clip)).rejects.toThrow(/both of frame 5; give one mask for each frame/);
		await expect(readKeyframes([{ frame: 0, path: a }], { width: 16, height: 8 })).rejects.toThrow(
			/is 8×4, but the clip is 16×8/,
		);
		await expect(readKeyframes([{ frame: 0, path: empty }], clip)).rejects.toThrow(/is empty/);
		// Nothing is to be seen any more: a correction may say so.
		const gone = await readKeyframes(
			[
				{ frame: 0, path: a },
				{ frame: 3, path: empty },
			],
			clip,
		);
		expect(gone.keyframes).toHaveLength(2);
	});

	it('know an object by its colour, whatever its number in each file', async () => {
		const folder = temporaryFolder();
		const a = await writeMask('a.png', [1, 2], { 1: red, 2: blue }, folder);
		const swapped = await writeMask('b.png', [1, 2], { 1: blue, 2: red }, folder);
		const { keyframes, objects } = await readKeyframes(
			[
				{ frame: 0, path: a },
				{ frame: 7, path: swapped },
			],
			clip,
		);
		expect(objects).toEqual([1, 2]);
		expect([...(keyframes[1]?.mask.ids.subarray(0, 2) ?? [])]).toEqual([2, 1]);
	});

	it('are refused when palettes that number many colours give one of them two ids', async () => {
		const folder = temporaryFolder();
		const palette = (first: readonly number[], second: readonly number[]): number[] => [
			...[0, 0, 0, ...first, ...second],
			...Array.from({ length: 21 }, (_, n) => 100 + n),
		];
		const ids = Uint8Array.from({ length: W * H }, (_, at) => Math.floor((at % W) / 110));
		const a = writeIndexed(ids, palette(red, blue), undefined, 'a.png', folder);
		const b = writeIndexed(ids, palette(blue, red), undefined, 'b.png', folder);
		await expect(
			readKeyframes(
				[
					{ frame: 0, path: a },
					{ frame: 7, path: b },
				],
				{ width: W, height: H },
			),
		).rejects.toThrow(/#0000ff has the id 2 in ".*a.png" but 1 in ".*b.png"; give each object the same id/);
	});
});

describe('objects over several masks', () => {
	const size = { width: W, height: H };
	const left = inside(box(20, 20, 80, 60));
	const right = inside(box(200, 110, 260, 150));
	const green = [0, 255, 0] as const;
	const colours = (...layers: readonly (readonly [Uint8Array, readonly number[]])[]) =>
		writePng(paint([0, 0, 0], ...layers), 3);
	const at = (x: number, y: number): number => y * W + x;
	const read = (...paths: readonly string[]) =>
		readKeyframes(
			paths.map((path, position) => ({ frame: position * 11, path })),
			size,
		);

	it('a new colour is a new object', async () => {
		const { keyframes, objects, palette } = await read(colours([left, red]), colours([right, green]));
		expect(objects).toEqual([1, 2]);
		expect(keyframes[0]?.mask.ids[at(30, 30)]).toBe(1);
		expect(keyframes[1]?.mask.ids[at(210, 120)]).toBe(2);
		expect([...palette.subarray(3, 9)]).toEqual([...red, ...green]);
	});

	it('the same colours in another order are the same objects', async () => {
		const { keyframes, objects } = await read(
			colours([left, red], [right, green]),
			colours([left, green], [right, red]),
		);
		expect(objects).toEqual([1, 2]);
		expect(keyframes[1]?.mask.ids[at(30, 30)]).toBe(2);
		expect(keyframes[1]?.mask.ids[at(210, 120)]).toBe(1);
	});

	it('one of them alone keeps its number, also with smooth edges', async () => {
		const { keyframes, objects } = await read(
			colours([left, red], [right, green]),
			writePng(paint([0, 0, 0], [coverage(box(200.5, 110.5, 260.5, 150.5)), green]), 3),
		);
		expect(objects).toEqual([1, 2]);
		expect(keyframes[1]?.mask.ids[at(210, 120)]).toBe(2);
	});

	it('palettes made for each picture count by colour, those of data sets by id', async () => {
		const byColour = await read(
			writeIndexed(left, [0, 0, 0, ...red]),
			writeIndexed(right, [0, 0, 0, ...green]),
		);
		expect(byColour.objects).toEqual([1, 2]);
		const davis = [...davisPalette];
		const byId = await read(
			writeIndexed(left, davis),
			writeIndexed(
				right.map((id) => id * 2),
				davis,
			),
		);
		expect(byId.objects).toEqual([1, 2]);
		expect(byId.keyframes[1]?.mask.ids[at(210, 120)]).toBe(2);
	});

	it('black and white is the one object that there is, and asked about where there are two', async () => {
		const white = (where: Uint8Array) =>
			writePng(
				where.map((value) => value * 255),
				1,
			);
		expect((await read(white(left), white(right))).objects).toEqual([1]);
		const withRed = await read(colours([left, red]), white(right));
		expect(withRed.objects).toEqual([1]);
		await expect(read(colours([left, red], [right, green]), white(right))).rejects.toThrow(
			/marks one object, but the other masks have 2/,
		);
		// White is an id where other masks use it as one.
		const ids = left.map((value, pixel) => (value === 1 ? 200 : right[pixel] === 1 ? 255 : 0));
		expect((await read(writePng(ids, 1), white(right))).keyframes[1]?.mask.ids[at(210, 120)]).toBe(255);
	});

	it('grey ids stay what they are, and large ones are numbered over all masks', async () => {
		const ids = (where: Uint8Array, id: number) =>
			writePng(
				Uint16Array.from(where, (value) => value * id),
				1,
			);
		const three = writePng(
			Uint16Array.from(left, (value, pixel) => (value === 1 ? 26001 : right[pixel] === 1 ? 24003 : 0)),
			1,
		);
		const { keyframes, objects } = await read(three, ids(right, 24003));
		expect(objects).toEqual([1, 2]);
		expect(keyframes[0]?.mask.ids[at(210, 120)]).toBe(1);
		expect(keyframes[1]?.mask.ids[at(210, 120)]).toBe(1);
	});

	it('what was understood can be told', async () => {
		const { understood } = await read(colours([left, red], [right, green]));
		expect(understood[0]).toMatchObject({
			maskType: 'colour',
			objects: [
				{ id: 1, colour: '#ff0000', share: (60 * 40) / (W * H) },
				{ id: 2, colour: '#00ff00', share: (60 * 40) / (W * H) },
			],
		});
		expect(describeMask(understood[0]!)).toBe('2 objects (1: 4 %, 2: 4 %), 8 % of the frame, by colour');
		const inverted = await read(
			writePng(
				left.map((value) => 255 - 255 * value),
				1,
			),
		);
		expect(describeMask(inverted.understood[0]!)).toBe(
			'1 object, 96 % of the frame, black and white; it marks what surrounds the rest: is it inverted?',
		);
	});
});
