import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { layerPlot } from '../../src/evaluation/layer-plot.js';
import type { Manifest } from '../../src/models/manifest.js';
import { weightsHeatmap } from '../../src/models/weights-heatmap.js';
import { requireDrawingName, writeDrawing } from '../../src/output/drawing.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/** Two layers; of 50 steps the clean end, the fifth and the last are saved. */
const manifest = {
	name: 'two-layers',
	schedule: { steps: 50, saveTimesteps: [49, 45, 0] },
	mixingWeights: [
		[0.1, 0.2],
		[0.4, 0.05],
		[0.05, 0.2],
	],
} as unknown as Manifest;

const rectangles = (svg: string) =>
	[...svg.matchAll(/<rect x="(\d+)" y="(\d+)" width="26" height="26" fill="([^"]+)"/g)].map(
		([, x, y, fill]) => ({ x: Number(x), y: Number(y), fill }),
	);

describe('the heatmap of mixing weights', () => {
	it('has a row a layer and a column a timestep from the clean image, the heaviest darkest', () => {
		const svg = weightsHeatmap(manifest);
		const cells = rectangles(svg);
		expect(new Set(cells.map(({ x }) => x)).size).toBe(3);
		expect(new Set(cells.map(({ y }) => y)).size).toBe(2);
		const [darkest] = cells.filter(({ fill }) => fill === 'rgb(8,48,107)');
		// Layer 1 at timestep 4: the second column of the first row.
		expect(darkest).toMatchObject({ x: 66 + 26, y: 34 });
		expect(svg.match(/text-anchor="middle">(\d+)</g)?.map((label) => label.match(/\d+/)?.[0])).toEqual([
			'0',
			'4',
			'49',
		]);
	});

	it('is written as a drawing or as pixels, and nothing else', async () => {
		const folder = temporaryFolder();
		await writeDrawing(join(folder, 'a.svg'), weightsHeatmap(manifest));
		await writeDrawing(join(folder, 'a.png'), weightsHeatmap(manifest));
		expect(readFileSync(join(folder, 'a.svg'), 'utf8')).toBe(weightsHeatmap(manifest));
		expect((await sharp(join(folder, 'a.png')).metadata()).width).toBe(520);
		expect(() => requireDrawingName('a.jpg')).toThrow(/\.png or \.svg/);
	});
});

describe('the plot of raw features', () => {
	it('draws a line a timestep over the layers, higher where more is right', () => {
		const scores = [
			{ layer: 1, timestep: 0, pck: 0.1 },
			{ layer: 2, timestep: 0, pck: 0.4 },
			{ layer: 1, timestep: 10, pck: 0.2 },
			{ layer: 2, timestep: 10, pck: 0.3 },
		];
		const lines = [...layerPlot('Raw', scores, 'layer').matchAll(/<polyline points="([^"]+)"/g)].map(
			([, points = '']) => points.split(' ').map((point) => point.split(',').map(Number)),
		);
		expect(lines).toHaveLength(2);
		const [[first, second] = []] = lines;
		expect(second?.[0]).toBeGreaterThan(first?.[0] ?? Number.POSITIVE_INFINITY);
		expect(second?.[1]).toBeLessThan(first?.[1] ?? 0);
	});
});
