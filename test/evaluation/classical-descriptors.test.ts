import { describe, expect, it } from 'vitest';
import type { DescriptorMap } from '../../src/core/descriptor-map.js';
import type { Raster } from '../../src/core/frame.js';
import { classicalDescriptors } from '../../src/evaluation/classical-descriptors.js';

/** Smooth coloured waves, the same at every place of a shifted copy. */
const waves = (shift: number): Raster<3> => {
	const [width, height] = [320, 240];
	const data = new Uint8Array(width * height * 3);
	for (let at = 0; at < width * height; at++) {
		const x = (at % width) + shift;
		const y = Math.floor(at / width);
		data.set(
			[x / 17 + y / 29, x / 23 - y / 13, x / 31 + y / 11].map((angle) => 128 + 120 * Math.sin(angle)),
			at * 3,
		);
	}
	return { width, height, channels: 3, data };
};

const descriptor = ({ channels, height, width, data }: DescriptorMap, y: number, x: number): number[] =>
	Array.from({ length: channels }, (_, c) => data[(c * height + y) * width + x] ?? Number.NaN);

const dot = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

describe('classical descriptors', () => {
	it('have a cell for every four pixels at a short side of 240, and length 1', () => {
		const map = classicalDescriptors(waves(0));
		expect(map).toMatchObject({ height: 60, width: 80 });
		const one = descriptor(map, 30, 40);
		expect(dot(one, one)).toBeCloseTo(1, 5);
	});

	it('move with the image', () => {
		const before = descriptor(classicalDescriptors(waves(0)), 30, 40);
		const after = classicalDescriptors(waves(8));
		expect(dot(before, descriptor(after, 30, 38))).toBeGreaterThan(0.999);
		expect(dot(before, descriptor(after, 30, 40))).toBeLessThan(0.99);
	});
});
