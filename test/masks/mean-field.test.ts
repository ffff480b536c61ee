import { expect, it } from 'vitest';
import type { LabImage } from '../../src/masks/refinement/lab-image.js';
import { meanField } from '../../src/masks/refinement/mean-field.js';
import { noise } from '../matching/reference.js';

const width = 37;
const height = 26;
const settings = { iterations: 6, colourSigma: 0.1, smoothness: 3, evidence: 1 };

const random = noise(3);
const plane = (pixels: number): Float32Array => Float32Array.from({ length: pixels }, () => 0.1 * random());
const area = width * height;
const lab: LabImage = { width, height, l: plane(area), a: plane(area), b: plane(area) };
/** Pixels of rows 0 to 13, every seventh left out: the band lies at the image's border and has holes. */
const band = Int32Array.from({ length: 14 * width }, (_, pixel) => pixel).filter((pixel) => pixel % 7 > 0);
const probabilities = (count: number): Float32Array[] =>
	Array.from({ length: count }, () =>
		Float32Array.from({ length: width * height }, () => (random() + 1) / (2 * count)),
	);

/** The same pixel by pixel, from the formulas. */
const reference = (given: readonly Float32Array[]): number[][] => {
	let now = given.map((object) => [...object]);
	const value = (object: number, pixel: number): number => now[object]?.[pixel] ?? Number.NaN;
	const background = (pixel: number): number => now.reduce((rest, object) => rest - (object[pixel] ?? 0), 1);
	const certain = (p: number): number => Math.min(0.98, Math.max(0.02, p));
	const unary = now.map((_, c) =>
		Array.from({ length: width * height }, (_, pixel) =>
			Math.log(certain(value(c, pixel)) / certain(background(pixel))),
		),
	);
	for (let iteration = 0; iteration < settings.iterations; iteration++) {
		const next = now.map((object) => [...object]);
		for (const pixel of band) {
			const [y, x] = [Math.floor(pixel / width), pixel % width];
			const support = now.map(() => 0);
			let total = 1e-4;
			for (const d of [1, 2, 4, 8]) {
				for (const [dy, dx] of [-d, 0, d].flatMap((dy) => [-d, 0, d].map((dx) => [dy, dx] as const))) {
					const [ny, nx] = [y + dy, x + dx];
					if ((dy === 0 && dx === 0) || ny < 0 || ny >= height || nx < 0 || nx >= width) {
						continue;
					}
					const near = ny * width + nx;
					const squares = [lab.l, lab.a, lab.b].reduce(
						(sum, colours) => sum + ((colours[near] ?? 0) - (colours[pixel] ?? 0)) ** 2,
						0,
					);
					const weight = Math.exp(-squares / (2 * settings.colourSigma ** 2));
					total += weight;
					support.forEach((sum, c) => {
						support[c] = sum + weight * value(c, near);
					});
				}
			}
			const forBackground = total - 1e-4 - support.reduce((sum, s) => sum + s, 0);
			const odds = support.map((s, c) =>
				Math.exp((unary[c]?.[pixel] ?? 0) + (settings.smoothness * (s - forBackground)) / total),
			);
			const all = odds.reduce((sum, o) => sum + o, 1);
			odds.forEach((o, c) => {
				next[c]![pixel] = o / all;
			});
		}
		now = next;
	}
	return now;
};

it.each([1, 2])('is the mean field of its formula, with %i objects', (count) => {
	const objects = probabilities(count);
	const expected = reference(objects);
	meanField(objects, band, lab, settings);
	objects.forEach((object, c) => {
		object.forEach((probability, pixel) => {
			expect(probability).toBeCloseTo(expected[c]?.[pixel] ?? Number.NaN, 2);
		});
	});
});

it('goes from one image size and band to others', () => {
	const small: LabImage = { width: 12, height: 12, l: plane(144), a: plane(144), b: plane(144) };
	const alone = [Float32Array.from({ length: 144 }, (_, i) => (i % 12 < 6 ? 0.2 : 0.8))];
	meanField(alone, Int32Array.of(5, 6, 70), small, settings);
	expect(alone[0]?.[4]).toBeCloseTo(0.2);
	const objects = probabilities(1);
	const expected = reference(objects);
	meanField(objects, band, lab, settings);
	expect(objects[0]?.[3 * width + 5]).toBeCloseTo(expected[0]?.[3 * width + 5] ?? Number.NaN, 2);
});
