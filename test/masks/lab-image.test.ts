import { describe, expect, it } from 'vitest';
import type { Raster } from '../../src/core/frame.js';
import { type LabImage, labImage } from '../../src/masks/refinement/lab-image.js';
import { noise } from '../matching/reference.js';

const randomImage = (width: number, height: number): Raster<3> => {
	const random = noise(3);
	const data = Uint8Array.from({ length: width * height * 3 }, () => Math.round((random() + 1) * 127.5));
	return { width, height, channels: 3, data };
};

/** L*a*b* / 100 of an sRGB colour, as it is written down. */
const labOf = (rgb: readonly number[]): number[] => {
	const [r = 0, g = 0, b = 0] = rgb.map((value) => {
		const v = value / 255;
		return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
	});
	const f = (t: number): number => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
	const fx = f(0.433953 * r + 0.376219 * g + 0.189828 * b);
	const fy = f(0.212671 * r + 0.71516 * g + 0.072169 * b);
	const fz = f(0.017758 * r + 0.109477 * g + 0.872766 * b);
	return [1.16 * fy - 0.16, 5 * (fx - fy), 2 * (fy - fz)];
};

/** Rounded means of the blocks' bytes, converted; [l, a, b] of the block in a row and a column. */
const expectedAt = ({ data, width }: Raster<3>, factor: number, y: number, x: number): number[] =>
	labOf(
		[0, 1, 2].map((channel) => {
			let total = 0;
			for (let dy = 0; dy < factor; dy++) {
				for (let dx = 0; dx < factor; dx++) {
					total += data[((y * factor + dy) * width + x * factor + dx) * 3 + channel] ?? 0;
				}
			}
			return Math.round(total / factor ** 2);
		}),
	);

const at = ({ l, a, b }: LabImage, pixel: number): number[] => [l[pixel] ?? 9, a[pixel] ?? 9, b[pixel] ?? 9];

/** The curve is tabulated in 4096 steps, and steepest where it is dark. */
const TOLERANCE = 0.01;

describe('an image in L*a*b*', () => {
	it.each([1, 2, 3])('has the colours of the means of blocks of side %i', (factor) => {
		const image = randomImage(13, 11);
		const lab = labImage(image, factor);
		expect([lab.width, lab.height]).toEqual([Math.floor(13 / factor), Math.floor(11 / factor)]);
		for (let pixel = 0; pixel < lab.width * lab.height; pixel++) {
			const expected = expectedAt(image, factor, Math.floor(pixel / lab.width), pixel % lab.width);
			at(lab, pixel).forEach((value, channel) => {
				expect(Math.abs(value - (expected[channel] ?? 0))).toBeLessThan(TOLERANCE);
			});
		}
	});

	it('knows black and white', () => {
		const image: Raster<3> = {
			width: 2,
			height: 1,
			channels: 3,
			data: Uint8Array.of(0, 0, 0, 255, 255, 255),
		};
		const lab = labImage(image, 1);
		expect(at(lab, 0).every((value) => Math.abs(value) < 0.001)).toBe(true);
		expect(lab.l[1]).toBeCloseTo(1, 3);
	});

	it('has only the wanted blocks, the others are 0', () => {
		const image = randomImage(12, 8);
		const all = labImage(image, 2);
		const expected = [...all.l].map((value, pixel) =>
			(pixel >= 1 && pixel < 4) || (pixel >= 13 && pixel < 18) ? value : 0,
		);
		expect([...labImage(image, 2, Int32Array.of(1, 4, 13, 18)).l]).toEqual(expected);
	});
});
