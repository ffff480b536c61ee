import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readKeyframes } from '../../src/corrections/read-keyframes.js';
import { writeIndexedPng } from '../../src/media/indexed-png.js';
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

	it('are refused when one colour has different ids', async () => {
		const folder = temporaryFolder();
		const a = await writeMask('a.png', [1, 2], { 1: red, 2: blue }, folder);
		const swapped = await writeMask('b.png', [1, 2], { 1: blue, 2: red }, folder);
		await expect(
			readKeyframes(
				[
					{ frame: 0, path: a },
					{ frame: 7, path: swapped },
				],
				clip,
			),
		).rejects.toThrow(/#0000ff has the id 2 in ".*a.png" but 1 in ".*b.png"; give each object the same id/);
	});
});
