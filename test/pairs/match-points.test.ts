import { afterAll, describe, expect, it } from 'vitest';
import type { Point } from '../../src/core/point.js';
import { matchPoints } from '../../src/pairs/match-points.js';
import { mutualMatches } from '../../src/pairs/mutual-matches.js';
import { matchPointsTogether } from '../../src/pairs/point-matcher.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import { randomMap, waveMap } from './maps.js';

const runtime = openRuntime({ device: 'cpu' });
afterAll(() => runtime.close());

const size = { width: 240, height: 180 };
/** What the target shows at a place (0..1) is at this place of the source. */
const shift = (u: number, v: number): [number, number] => [0.9 * u + 0.06, 0.9 * v + 0.02];
const source = { ...size, map: waveMap(24, 36, 48) };
const target = { ...size, map: waveMap(24, 36, 48, shift) };
const points: Point[] = [
	[60, 50],
	[131.3, 90.8],
	[190.25, 140],
];
const inTarget = ([x, y]: Point): [number, number] => [
	((x + 0.5) / size.width - 0.06) * (size.width / 0.9) - 0.5,
	((y + 0.5) / size.height - 0.02) * (size.height / 0.9) - 0.5,
];
const CELL = 5;

describe('points between cells', () => {
	it('stay where they are in the same image', () => {
		for (const { source: from, target: to, score } of matchPoints(source, source, points)) {
			expect(to[0]).toBeCloseTo(from[0], 3);
			expect(to[1]).toBeCloseTo(from[1], 3);
			expect(score).toBeGreaterThan(0.95);
		}
	});

	it.each([
		['each on its own', async () => matchPoints(source, target, points)],
		['together', () => matchPointsTogether(source, target, points, runtime)],
	])('are found in a moved copy to a third of a cell: %s', async (_, find) => {
		(await find()).forEach(({ target: found }, index) => {
			const [x, y] = inTarget(points[index]!);
			expect(Math.hypot(found[0] - x, found[1] - y)).toBeLessThan(CELL / 3);
		});
	});

	it('are looked for only inside the mask of the target', () => {
		const mask = Uint8Array.from({ length: 240 * 180 }, (_, i) => (i % 240 >= 200 ? 1 : 0));
		for (const { target: found } of matchPoints(source, target, points, { masks: { target: mask } })) {
			expect(found[0]).toBeGreaterThan(200 - 3 * CELL);
		}
	});

	it('that look like others go where their surroundings go', async () => {
		// Noise in which one cell has a twin far away that is even more like it than its own copy.
		const map = randomMap(16, 36, 48, 5);
		const copy = { ...map, data: map.data.slice() };
		const [cell, twin] = [10 * 48 + 10, 30 * 48 + 40];
		for (let c = 0; c < 16; c++) {
			const at = c * 36 * 48;
			copy.data[at + twin] = map.data[at + cell]!;
			copy.data[at + cell] = map.data[at + cell]! + 0.2 * Math.sin(c);
		}
		const [from, to] = [
			{ ...size, map },
			{ ...size, map: copy },
		];
		const point: Point = [52, 52];
		const far = ([match]: { target: Point }[]): number =>
			Math.hypot((match?.target[0] ?? 0) - point[0], (match?.target[1] ?? 0) - point[1]);
		expect(far(matchPoints(from, to, [point]))).toBeGreaterThan(50);
		expect(far(await matchPointsTogether(from, to, [point], runtime))).toBeLessThan(2 * CELL);
	});
});

describe('mutual nearest neighbours', () => {
	it('are as many as asked for, apart from each other, right, and the same every time', async () => {
		const matches = await mutualMatches(source, target, 8, runtime);
		expect(matches).toHaveLength(8);
		for (const { source: from, target: to } of matches) {
			const [x, y] = inTarget(from);
			expect(Math.hypot(to[0] - x, to[1] - y)).toBeLessThan(CELL);
		}
		const places = new Set(matches.map(({ source: [x, y] }) => `${x},${y}`));
		expect(places.size).toBe(8);
		expect(await mutualMatches(source, target, 8, runtime)).toEqual(matches);
	});

	it('keep to the masks', async () => {
		const left = Uint8Array.from({ length: 240 * 180 }, (_, i) => (i % 240 < 100 ? 1 : 0));
		for (const { source: from } of await mutualMatches(source, target, 5, runtime, { source: left })) {
			expect(from[0]).toBeLessThan(100);
		}
	});
});
