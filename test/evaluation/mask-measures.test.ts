import { describe, expect, it } from 'vitest';
import {
	type BinaryMask,
	boundaryPixels,
	boundaryTolerance,
	contourAccuracy,
	dilatePixels,
	regionSimilarity,
} from '../../src/evaluation/mask-measures.js';
import { drawMask, rectangle } from './masks.js';

describe('region similarity J', () => {
	it('is the intersection over the union', () => {
		const truth = drawMask('##..', '##..');
		const result = drawMask('.##.', '.##.');
		expect(regionSimilarity(truth, result)).toBeCloseTo(2 / 6, 12);
	});

	it('is 1 when both masks are empty and 0 when only one is', () => {
		const empty = drawMask('....', '....');
		const some = drawMask('.#..', '....');
		expect(regionSimilarity(empty, empty)).toBe(1);
		expect(regionSimilarity(some, empty)).toBe(0);
		expect(regionSimilarity(empty, some)).toBe(0);
	});
});

const boundaryOf = (...rows: string[]): string[] => {
	const mask = drawMask(...rows);
	const pixels = new Set(boundaryPixels(mask));
	return rows.map((_, y) =>
		Array.from({ length: mask.width }, (_, x) => (pixels.has(y * mask.width + x) ? '#' : '.')).join(''),
	);
};

/** Two-dimensional dilation straight from the definition. */
const dilateByDefinition = (pixels: number[], width: number, height: number, radius: number): Uint8Array =>
	Uint8Array.from({ length: width * height }, (_, i) =>
		pixels.some(
			(p) => Math.hypot((p % width) - (i % width), Math.floor(p / width) - Math.floor(i / width)) <= radius,
		)
			? 1
			: 0,
	);

describe('boundary map (seg2bmap)', () => {
	it('lies half a pixel towards the origin from the edge of the mask', () => {
		expect(boundaryOf('.....', '.....', '..##.', '..##.', '.....')).toEqual([
			'.....',
			'.###.',
			'.#.#.',
			'.###.',
			'.....',
		]);
	});

	it('looks only right in the last row, only down in the last column, and never at the last pixel', () => {
		expect(boundaryOf('...', '..#', '.##')).toEqual(['.##', '##.', '#..']);
	});

	it('is empty for a mask that is empty or fills the image', () => {
		expect(boundaryPixels(drawMask('...', '...'))).toEqual([]);
		expect(boundaryPixels(drawMask('###', '###'))).toEqual([]);
	});
});

describe('boundary tolerance', () => {
	it('is 0.008 of the diagonal, rounded up: 8 pixels at 480p', () => {
		expect(boundaryTolerance(854, 480)).toBe(8);
		expect(boundaryTolerance(432, 240)).toBe(4);
		expect(boundaryTolerance(20, 20)).toBe(1);
	});

	it.each([0, 1, 2, 4, 8])('dilates with a disk of radius %i, clipped at the image border', (radius) => {
		const [width, height] = [31, 23];
		const pixels = [0, 15, 30, 8 * width + 4, 11 * width + 30, 22 * width, 22 * width + 30];
		expect(dilatePixels(pixels, width, height, radius)).toEqual(
			dilateByDefinition(pixels, width, height, radius),
		);
	});
});

describe('contour accuracy F', () => {
	// 854 x 480, so that a shift of up to 8 pixels is within the tolerance.
	const size = [854, 480] as const;
	const square = rectangle(size, [100, 100, 200, 200]);
	const empty: BinaryMask = rectangle(size, [0, 0, 0, 0]);

	it('forgives a shift within the tolerance and nothing beyond it', () => {
		expect(contourAccuracy(square, rectangle(size, [108, 100, 208, 200]))).toBe(1);
		expect(contourAccuracy(square, rectangle(size, [300, 300, 400, 400]))).toBe(0);
	});

	it('is the harmonic mean of precision and recall', () => {
		// The boundary of an n x n square has 4 n pixels. The result adds a second, far square of the same size: all of
		// the truth is found (recall 1), half of what was found is true (precision 1/2).
		const data = rectangle(size, [400, 100, 500, 200]).data.map((value, i) => value | (square.data[i] ?? 0));
		const both = { ...square, data };
		expect(boundaryPixels(both)).toHaveLength(800);
		expect(contourAccuracy(square, both)).toBeCloseTo((2 * 0.5 * 1) / 1.5, 12);
		expect(contourAccuracy(both, square)).toBeCloseTo((2 * 0.5 * 1) / 1.5, 12);
	});

	it('counts the boundary pixels beyond the tolerance', () => {
		// Two bars on the left edge of the image, 10 and 40 pixels wide.
		const narrow = rectangle(size, [0, 100, 10, 300]);
		const wide = rectangle(size, [0, 100, 40, 300]);
		// narrow: column 9 (201 pixels, y 99..299) + rows y = 99 and y = 299, x 0..8 => 201 + 18 = 219
		// wide: column 39 (201 pixels) + rows, x 0..38 => 201 + 78 = 279
		expect(boundaryPixels(narrow)).toHaveLength(219);
		expect(boundaryPixels(wide)).toHaveLength(279);
		// Within 8 pixels of narrow's boundary: wide's rows up to x = 17 (2 * 18 = 36 pixels).
		// Within 8 pixels of wide's boundary: narrow's rows (18), and its column near both rows: y 99..107 and 291..299,
		// without the corners already counted as part of the column (18).
		const [precision, recall] = [36 / 279, 36 / 219];
		expect(contourAccuracy(narrow, wide)).toBeCloseTo((2 * precision * recall) / (precision + recall), 12);
	});

	it('is 1 when neither mask has a boundary and 0 when only one has', () => {
		expect(contourAccuracy(empty, empty)).toBe(1);
		expect(contourAccuracy(square, empty)).toBe(0);
		expect(contourAccuracy(empty, square)).toBe(0);
	});
});
