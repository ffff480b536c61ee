import { expect, it } from 'vitest';
import type { Raster } from '../../src/core/frame.js';
import type { SoftLabels } from '../../src/core/soft-labels.js';
import { refineLabels } from '../../src/masks/refinement/refine-labels.js';

const width = 160;
const height = 120;
const grid = { height: 15, width: 20 };
const settings = { iterations: 10, colourSigma: 0.025, smoothness: 4, evidence: 1 };

/** Dark left of the column `edge`, bright from there on. */
const twoTones = (edge: number): Raster<3> => ({
	width,
	height,
	channels: 3,
	data: Uint8Array.from({ length: width * height * 3 }, (_, i) =>
		Math.floor(i / 3) % width < edge ? 40 : 200,
	),
});

/** Object 5 to the right of a cell column, with a soft border two cells wide. */
const softBorder = (column: number): SoftLabels => {
	const data = new Float32Array(grid.height * grid.width * 2);
	for (let cell = 0; cell < grid.height * grid.width; cell++) {
		const object = Math.min(1, Math.max(0, ((cell % grid.width) - column + 1) / 2));
		data.set([1 - object, object], cell * 2);
	}
	return { grid, ids: [0, 5], data };
};

const firstObjectColumn = (ids: Uint8Array, y: number): number =>
	ids.subarray(y * width, (y + 1) * width).indexOf(5);

it('moves a soft border to the edge of the image', () => {
	// The cells are 8 pixels wide; the border of the labels lies near x = 80, the image's edge at 85.
	const { ids } = refineLabels(softBorder(10), twoTones(85), settings);
	for (const y of [20, 60, 100]) {
		expect(Math.abs(firstObjectColumn(ids, y) - 85)).toBeLessThanOrEqual(1);
	}
	expect(new Set(ids)).toEqual(new Set([0, 5]));
});

it('leaves the border where it was without iterations', () => {
	const none = { ...settings, iterations: 0 };
	const { ids } = refineLabels(softBorder(10), twoTones(85), none);
	expect(Math.abs(firstObjectColumn(ids, 60) - 84)).toBeLessThanOrEqual(4);
	expect(ids).toEqual(refineLabels(softBorder(10), twoTones(30), none).ids);
});

it('gives the refined labels back on the grid, as probabilities', () => {
	const { labels } = refineLabels(softBorder(10), twoTones(85), settings);
	expect(labels.grid).toEqual(grid);
	for (let cell = 0; cell < grid.height * grid.width; cell++) {
		expect((labels.data[cell * 2] ?? 0) + (labels.data[cell * 2 + 1] ?? 0)).toBeCloseTo(1, 4);
	}
	expect(labels.data[2 * 2 + 1]).toBeLessThan(0.05);
	expect(labels.data[17 * 2 + 1]).toBeGreaterThan(0.95);
});

it('gives the same for one object when a second, absent one is carried along', () => {
	const one = softBorder(10);
	const data = new Float32Array((one.data.length / 2) * 3);
	for (let cell = 0; cell < one.data.length / 2; cell++) {
		data.set([one.data[cell * 2] ?? 0, one.data[cell * 2 + 1] ?? 0, 0], cell * 3);
	}
	const two = refineLabels({ grid, ids: [0, 5, 9], data }, twoTones(85), settings);
	expect(two.ids).toEqual(refineLabels(one, twoTones(85), settings).ids);
});
