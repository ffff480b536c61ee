import { describe, expect, it } from 'vitest';
import type { LabelMap } from '../../src/core/frame.js';
import { classIds, labelsFromMask } from '../../src/core/soft-labels.js';
import { frameConfidence } from '../../src/masks/labels/label-propagation.js';
import { davisPalette } from '../../src/media/davis-palette.js';

const mask = (width: number, height: number, ids: readonly number[]): LabelMap => ({
	width,
	height,
	ids: Uint8Array.from(ids),
	palette: davisPalette,
});

describe('labels from a mask', () => {
	it('are the share of each cell that an object covers', () => {
		const painted = mask(4, 2, [0, 0, 7, 7, 0, 7, 7, 7]);
		expect(classIds(painted)).toEqual([0, 7]);
		const { data } = labelsFromMask(painted, { height: 1, width: 2 }, [0, 7]);
		expect([...data]).toEqual([0.75, 0.25, 0, 1]);
	});

	it('split pixels over the cells they overlap when the sizes do not divide', () => {
		const { data } = labelsFromMask(mask(3, 1, [0, 9, 0]), { height: 1, width: 2 }, [0, 9]);
		// Each cell is 1.5 pixels wide and holds half of the middle pixel.
		for (const cell of [0, 1]) {
			expect((data[cell * 2 + 1] ?? 0) / ((data[cell * 2] ?? 0) + (data[cell * 2 + 1] ?? 0))).toBeCloseTo(
				1 / 3,
			);
		}
	});

	it('count ids that were not asked for as background', () => {
		const { data } = labelsFromMask(mask(2, 1, [3, 4]), { height: 1, width: 2 }, [0, 4]);
		expect([...data]).toEqual([1, 0, 0, 1]);
	});
});

describe('the confidence of a frame', () => {
	const labels = (object: number) => ({
		grid: { height: 1, width: 1 },
		ids: [0, 1],
		data: Float32Array.of(1 - object, object),
	});

	it('falls with undecided labels and with dissimilar matches', () => {
		const sure = frameConfidence(labels(1), Float32Array.of(0.95));
		expect(frameConfidence(labels(0.6), Float32Array.of(0.95))).toBeLessThan(sure);
		expect(frameConfidence(labels(1), Float32Array.of(0.5))).toBeLessThan(sure);
	});

	it('is 1 when no object is in sight', () => {
		expect(frameConfidence(labels(0), Float32Array.of(0.2))).toBe(1);
	});
});
