import { describe, expect, it } from 'vitest';
import { halved, projected, strongestAxes } from '../../bench/ablation/descriptors.js';
import { areaJitter, change, occlusion, taken } from '../../bench/temporal/measures.js';
import { compare, tapVid } from '../../bench/tracks/measures.js';
import type { Labels } from '../../src/evaluation/mask-measures.js';
import { maxDifference } from '../helpers/arrays.js';
import { randomMap } from '../pairs/maps.js';

/** A mask of one row, a digit a pixel. */
const row = (digits: string): Labels => ({
	width: digits.length,
	height: 1,
	ids: Uint8Array.from(digits, Number),
});

describe('descriptors of the ablation', () => {
	it('halves a grid to means of 2 x 2 cells', () => {
		const map = { channels: 1, height: 2, width: 4, data: Float32Array.of(1, 3, 0, 0, 5, 7, 0, 8) };
		expect(halved(map)).toEqual({ channels: 1, height: 1, width: 2, data: Float32Array.of(4, 2) });
	});

	it('keeps products of descriptors on all axes, and those of the strongest one on it alone', () => {
		const map = randomMap(4, 5, 6, 3);
		const whole = projected(map, strongestAxes(map, 4));
		const product = ({ data }: { data: Float32Array }, channels: number): number =>
			Array.from({ length: channels }, (_, c) => (data[c * 30 + 2] ?? 0) * (data[c * 30 + 17] ?? 0)).reduce(
				(a, b) => a + b,
			);
		expect(product(whole, 4)).toBeCloseTo(product(map, 4), 5);
		const along = { channels: 2, height: 1, width: 3, data: Float32Array.of(3, 6, -3, 4, 8, -4) };
		const { data } = projected(along, strongestAxes(along, 1));
		expect(maxDifference(data.map(Math.abs), Float32Array.of(5, 10, 5))).toBeLessThan(1e-5);
	});
});

describe('measures over time', () => {
	it('takes even growth for no jitter, and a blink for much', () => {
		expect(areaJitter([row('1000'), row('1100'), row('1110'), row('1111')], 1)).toBe(0);
		expect(areaJitter([row('1110'), row('1000'), row('1110')], 1)).toBeGreaterThan(1);
		expect(change([row('1100'), row('1100'), row('0110')], 1)).toBeCloseTo(1 / 3);
	});

	it('finds the frames in which something is hidden between two larger views', () => {
		expect(occlusion([10, 9, 4, 2, 5, 9, 9], 0.75)).toEqual([2, 4]);
		expect(occlusion([10, 8, 6, 4, 2], 0.75)).toBeUndefined();
	});

	it('counts whose pixels another object has taken', () => {
		expect(taken([row('1122')], [row('2122')], 1, 2)).toBe(0.5);
		expect(taken([row('1122')], [row('2122')], 2, 1)).toBe(0);
	});
});

describe('measures of tracks', () => {
	const at = (x: number, visible: boolean) => ({ x, y: 0, visible });

	it('are those of TAP-Vid: thresholds of 1 to 16 pixels in a frame shrunk to 256 x 256', () => {
		// In a frame of 512 x 512: exact; 6 pixels off, so 3 of the smaller frame; called hidden; and truly hidden, but said to be in sight.
		const truth = [[at(9, true), at(10, true), at(20, true), at(30, true), at(40, false)]];
		const found = [[at(9, true)], [at(10, true)], [at(26, true)], [at(30, false)], [at(40, true)]];
		const compared = compare(truth, found, 0, { width: 512, height: 512 });
		expect(compared.map(({ pixels, error }) => [pixels, error])).toEqual([
			[0, 0],
			[6, 3],
			[0, 0],
			[0, 0],
		]);
		const { delta, jaccard, occlusion } = tapVid(compared);
		// Two of three are within 1 and 2 pixels, all three within 4, 8 and 16.
		expect(delta).toBeCloseTo((2 * (2 / 3) + 3) / 5, 9);
		// Within 1 and 2: one is right, of three visible and two wrongly claimed; from 4 on: two of three and one.
		expect(jaccard).toBeCloseTo((2 * (1 / 5) + 3 * (2 / 4)) / 5, 9);
		expect(occlusion).toBe(0.5);
	});
});
