import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { displayLight } from '../../src/core/light.js';
import { readEdit } from '../../src/edits/edit-layer.js';
import { editParts } from '../../src/edits/edit-parts.js';
import { EditTexture } from '../../src/edits/edit-texture.js';
import { writeImage } from '../../src/media/image.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { drawScene, slidingSquare } from '../helpers/textured-clip.js';

const { image: first, mask } = drawScene(slidingSquare, 0);
const { width, height } = first;

/** A layer with one opaque blue rectangle. */
const rectangle = (left: number, top: number, right: number, bottom: number) => {
	const data = new Uint8Array(width * height * 4);
	for (let y = top; y < bottom; y++) {
		for (let x = left; x < right; x++) {
			data.set([20, 40, 250, 255], (y * width + x) * 4);
		}
	}
	return { width, height, channels: 4 as const, data };
};

describe('reading an edit', () => {
	it('takes a layer with transparency as it is', async () => {
		const path = join(temporaryFolder(), 'layer.png');
		const layer = rectangle(20, 30, 40, 50);
		await writeImage(path, layer);
		expect(Buffer.from(layer.data).equals((await readEdit(path, first)).layer.data)).toBe(true);
	});

	it('says what is wrong with a size, with no difference and with an empty layer', async () => {
		const folder = temporaryFolder();
		const write = async (name: string, image: Parameters<typeof writeImage>[1]): Promise<string> => {
			await writeImage(join(folder, name), image);
			return join(folder, name);
		};
		const small = await write('small.png', { width: 8, height: 8, channels: 3, data: new Uint8Array(192) });
		await expect(readEdit(small, first)).rejects.toThrow(/is 8×8, but the clip is 112×80/);
		await expect(readEdit(await write('same.png', first), first)).rejects.toThrow(
			/shows no difference from the first frame/,
		);
		const empty = { ...first, channels: 4 as const, data: new Uint8Array(width * height * 4) };
		await expect(readEdit(await write('empty.png', empty), first)).rejects.toThrow(/is fully transparent/);
	});
});

describe('the parts of an edit', () => {
	it('follow the object they lie on, overhang included, and the background elsewhere', () => {
		// The square covers 16..44 x 26..54: one piece sticks out above it, another is far away.
		const onSquare = rectangle(20, 20, 36, 40);
		const apart = rectangle(80, 10, 100, 24);
		const both = { ...onSquare, data: onSquare.data.map((value, at) => value | apart.data[at]!) };
		const parts = editParts(both, mask);
		expect(parts.map(({ object }) => object).sort()).toEqual([0, 1]);
		const square = parts.find(({ object }) => object === 1);
		expect(square?.support[22 * width + 25]).toBe(1);
		expect(square?.evidence[22 * width + 25]).toBe(0);
		expect(square?.support[15 * width + 90]).toBe(0);
	});

	it('are what lies together when there is no mask', () => {
		const one = rectangle(10, 10, 20, 20);
		const other = rectangle(70, 50, 90, 70);
		const both = { ...one, data: one.data.map((value, at) => value | other.data[at]!) };
		expect(editParts(both, undefined)).toHaveLength(2);
		expect(editParts(one, undefined)).toHaveLength(1);
	});
});

describe('sampling an edit', () => {
	it('is exact at pixels, and averages what gets smaller instead of picking pixels', () => {
		const data = new Uint8Array(64 * 64 * 4);
		for (let pixel = 0; pixel < 64 * 64; pixel++) {
			const bright = (pixel % 64) % 2 === 0;
			data.set([bright ? 255 : 0, bright ? 255 : 0, bright ? 255 : 0, 255], pixel * 4);
		}
		const texture = new EditTexture({ width: 64, height: 64, channels: 4, data }, displayLight);
		const colour = new Float64Array(4);
		texture.sample(20, 20, 1, colour);
		expect([...colour]).toEqual([1, 1, 1, 1]);
		texture.sample(21, 20, 1, colour);
		expect([...colour]).toEqual([0, 0, 0, 1]);
		texture.sample(20.3, 20.1, 16, colour);
		expect(colour[0]).toBeCloseTo(0.5, 2);
		expect(colour[3]).toBeCloseTo(1, 6);
	});
});
