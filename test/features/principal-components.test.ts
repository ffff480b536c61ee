import { describe, expect, it } from 'vitest';
import { principalComponents } from '../../src/features/principal-components.js';
import { waveMap } from '../pairs/maps.js';

const colours = (data: Uint8Array): string[] =>
	Array.from({ length: data.length / 3 }, (_, i) => data.subarray(i * 3, i * 3 + 3).join());

describe('principal components', () => {
	it('of several maps have common colours: the same place looks the same in both pictures', () => {
		const whole = waveMap(12, 10, 20);
		// The left half as an image of its own, and mirrored.
		const half = waveMap(12, 10, 10, (x, y) => [(1 - x) / 2, y]);
		const [first, second] = principalComponents([whole, half]);
		const [wholeColours, halfColours] = [
			colours(first?.data ?? new Uint8Array()),
			colours(second?.data ?? new Uint8Array()),
		];
		expect(wholeColours).toHaveLength(200);
		for (const [y, x] of [
			[0, 0],
			[4, 3],
			[9, 9],
		] as const) {
			expect(halfColours[y * 10 + (9 - x)]).toBe(wholeColours[y * 20 + x]);
		}
		expect(new Set(wholeColours).size).toBeGreaterThan(100);
	});

	it('stretch the strongest component over the whole range', () => {
		const [picture] = principalComponents([waveMap(12, 10, 20)]);
		const red = Array.from(picture?.data ?? []).filter((_, i) => i % 3 === 0);
		expect([Math.min(...red), Math.max(...red)]).toEqual([0, 255]);
	});
});
