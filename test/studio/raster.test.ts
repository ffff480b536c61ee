import { describe, expect, it } from 'vitest';
import {
	fillPolygon,
	floodFill,
	fromRuns,
	type IdMap,
	paintStroke,
	toRuns,
} from '../../studio/src/raster.js';

const empty = (width: number, height: number): IdMap => ({
	width,
	height,
	ids: new Uint8Array(width * height),
});
const always = (): boolean => true;
const rows = ({ width, ids }: IdMap): string[] =>
	Array.from({ length: ids.length / width }, (_, y) =>
		[...ids.subarray(y * width, (y + 1) * width)].join(''),
	);

describe('a stroke', () => {
	it('is round, and reaches half its diameter', () => {
		const map = empty(9, 7);
		const box = paintStroke(map, [3.5, 3.5], [5.5, 3.5], 4, 1, always);
		const half = ['000000000', '000111000', '001111100'];
		expect(rows(map)).toEqual([...half, '011111110', ...half.reverse()]);
		expect(box).toEqual({ x0: 0, y0: 0, x1: 9, y1: 7 });
	});

	it('of one pixel paints the one under it, at any place in it', () => {
		for (const point of [
			[2.05, 1.05],
			[2.95, 1.5],
			[2.5, 1.5],
		] as const) {
			const map = empty(5, 3);
			paintStroke(map, point, point, 1, 4, always);
			expect(map.ids[1 * 5 + 2]).toBe(4);
		}
	});

	it('leaves what is locked, and the outside', () => {
		const map = empty(4, 4);
		map.ids.fill(2, 4, 8);
		paintStroke(map, [-5, -5], [9, 9], 30, 1, (id) => id !== 2);
		expect(rows(map)).toEqual(['1111', '2222', '1111', '1111']);
	});
});

describe('a polygon', () => {
	it('is filled inside, by the even-odd rule', () => {
		const map = empty(6, 4);
		fillPolygon(
			map,
			[
				[1, 1],
				[5, 1],
				[5, 3],
				[1, 3],
			],
			1,
			always,
		);
		expect(rows(map)).toEqual(['000000', '011110', '011110', '000000']);
		expect(
			fillPolygon(
				map,
				[
					[1, 1],
					[2, 2],
				],
				1,
				always,
			),
		).toBeUndefined();
	});
});

describe('filling', () => {
	it('fills a hole and stops at its rim', () => {
		const map = empty(6, 5);
		fillPolygon(
			map,
			[
				[0, 0],
				[6, 0],
				[6, 5],
				[0, 5],
			],
			1,
			always,
		);
		fillPolygon(
			map,
			[
				[2, 1],
				[4, 1],
				[4, 4],
				[2, 4],
			],
			0,
			always,
		);
		expect(floodFill(map, [2.5, 2.5], 1, always)).toEqual({ x0: 2, y0: 1, x1: 4, y1: 4 });
		expect(new Set(map.ids)).toEqual(new Set([1]));
	});

	it('goes round corners', () => {
		const map = empty(5, 5);
		for (const at of [6, 7, 8, 11, 13, 16, 18]) {
			map.ids[at] = 3;
		}
		floodFill(map, [0.5, 0.5], 2, always);
		expect(rows(map)).toEqual(['22222', '23332', '23232', '23232', '22222']);
	});
});

it('runs of ids come back as they were, and nothing else', () => {
	const ids = Uint8Array.from([0, 0, 3, 3, 3, 0, 255]);
	expect(fromRuns(toRuns(ids), ids.length)).toEqual(ids);
	expect(fromRuns([0, 3], 2)).toBeUndefined();
	expect(fromRuns([0, 1], 2)).toBeUndefined();
});
