import { describe, expect, it } from 'vitest';
import { blend, idsOf, softMaskOf } from '../../src/masks/tracker/soft-mask.js';

const palette = new Uint8Array(768);

/** A disc of one id in a frame of 64 x 48. */
const disc = (id: number, x: number, y: number, radius: number) => {
	const [width, height] = [64, 48];
	const ids = new Uint8Array(width * height);
	for (let at = 0; at < ids.length; at++) {
		if (Math.hypot((at % width) - x, Math.floor(at / width) - y) <= radius) {
			ids[at] = id;
		}
	}
	return { width, height, ids, palette };
};

const differing = (a: Uint8Array, b: Uint8Array): number => a.filter((value, at) => value !== b[at]).length;

describe('soft masks', () => {
	it('give each cell the share of its area that an object covers', () => {
		const ids = Uint8Array.from([0, 0, 7, 7, 0, 7, 7, 7]); // 4 x 2
		const { data } = softMaskOf({ width: 4, height: 2, ids, palette }, { width: 2, height: 1 }, [7]);
		expect([...data]).toEqual([64, 255]);
	});

	it('come back as the mask they were made of, at the same size to the pixel', () => {
		const mask = disc(3, 30, 20, 12);
		const soft = softMaskOf(mask, { width: 64, height: 48 }, [3]);
		expect(differing(idsOf(soft, [3], 64, 48), mask.ids)).toBe(0);
	});

	it('come back with borders where they were, from half the size', () => {
		const mask = disc(3, 30, 20, 12);
		const soft = softMaskOf(mask, { width: 32, height: 24 }, [3]);
		const length = 2 * Math.PI * 12;
		expect(differing(idsOf(soft, [3], 64, 48), mask.ids)).toBeLessThan(0.35 * length);
	});

	it('keep touching objects apart, without background between them', () => {
		const left = disc(1, 24, 24, 14);
		const ids = left.ids.map((id, at) => (id === 1 && at % 64 >= 24 ? 2 : id));
		const mask = { ...left, ids };
		const found = idsOf(softMaskOf(mask, { width: 32, height: 24 }, [1, 2]), [1, 2], 64, 48);
		expect(new Set(found.subarray(24 * 64 + 14, 24 * 64 + 34))).toEqual(new Set([1, 2]));
		expect(differing(found, ids)).toBeLessThan(50);
	});

	it('leave to the background what no object owns', () => {
		// Of three objects with 30 % each the first one is larger than the background's 10 %; with 20 % each, the background's 40 % is larger.
		const grid = { width: 1, height: 1 };
		expect([...idsOf({ grid, data: Uint8Array.of(77, 76, 76) }, [1, 2, 3], 1, 1)]).toEqual([1]);
		expect([...idsOf({ grid, data: Uint8Array.of(51, 51, 51) }, [1, 2, 3], 1, 1)]).toEqual([0]);
	});

	it('blend by share', () => {
		const grid = { width: 2, height: 1 };
		const a = { grid, data: Uint8Array.of(0, 200) };
		const b = { grid, data: Uint8Array.of(100, 0) };
		expect([...blend(a, b, 0.25).data]).toEqual([25, 150]);
	});
});
