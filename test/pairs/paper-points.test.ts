import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { resizeBilinear } from '../../src/core/bilinear.js';
import type { DescriptorMap } from '../../src/core/descriptor-map.js';
import { loadedPoint, matchPointsAsPublished } from '../../src/pairs/paper-points.js';
import { referenceArray } from '../helpers/npy.js';
import { shared, sharedAvailable } from '../helpers/shared.js';
import { randomMap } from './maps.js';

/** The definition, without any shortcut: upsample both maps, normalise, compare with every pixel. */
const bruteForce = (
	source: DescriptorMap,
	target: DescriptorMap,
	at: readonly [number, number],
	load: { width: number; height: number },
): number => {
	const [sourcePixels, targetPixels] = [source, target].map(({ data, channels, height, width }) =>
		resizeBilinear(data, channels, height, width, load.height, load.width),
	) as [Float32Array, Float32Array];
	const pixels = load.width * load.height;
	const vector = (data: Float32Array, pixel: number): number[] => {
		const raw = Array.from({ length: source.channels }, (_, c) => data[c * pixels + pixel]!);
		return raw.map((value) => value / Math.hypot(...raw));
	};
	const query = vector(sourcePixels, at[1] * load.width + at[0]);
	const similarity = Array.from({ length: pixels }, (_, pixel) =>
		vector(targetPixels, pixel).reduce((sum, value, c) => sum + value * query[c]!, 0),
	);
	return similarity.indexOf(Math.max(...similarity));
};

describe('matching as in the released code', () => {
	it('finds the very pixel that comparing with every upsampled pixel finds', () => {
		const load = { width: 40, height: 24 };
		const [source, target] = [randomMap(8, 6, 10, 1), randomMap(8, 6, 10, 2)];
		const described = (map: DescriptorMap) => ({ ...load, map });
		for (const at of [
			[0, 0],
			[17, 5],
			[39, 23],
			[20, 12],
		] as const) {
			const [match] = matchPointsAsPublished(described(source), described(target), [at], {
				source: load,
				target: load,
			});
			const pixel = bruteForce(source, target, at, load);
			expect(match?.target).toEqual([pixel % load.width, Math.floor(pixel / load.width)]);
		}
	});

	it('rounds half to even after clipping to the image', () => {
		const original = { width: 100, height: 100 };
		expect(loadedPoint([1, 3], original, { width: 50, height: 50 })).toEqual([0, 2]);
		expect(loadedPoint([250, -7], original, { width: 50, height: 50 })).toEqual([49, 0]);
	});
});

describe.skipIf(!sharedAvailable)('matching against the paper’s own numbers (needs ../shared)', () => {
	it.each(['inv50', 'inv1'])('%s: the same target pixels for the annotated points', async (name) => {
		const { shape, data } = await referenceArray(name, 'hyperfeatures.npy');
		const [, channels = 0, height = 0, width = 0] = shape;
		const maps = [0, 1].map((image) => ({
			channels,
			height,
			width,
			data: Float32Array.from(
				data.subarray(
					image * channels * height * width,
					(image + 1) * channels * height * width,
				) as Float32Array,
			),
		})) as [DescriptorMap, DescriptorMap];
		const annotation = JSON.parse(
			await readFile(shared('fixtures', 'sd', 'inputs', 'annotation.json'), 'utf8'),
		) as {
			source_points: [number, number][];
			source_size: [number, number];
			target_size: [number, number];
		};
		const load = { width: 112, height: 112 };
		const described = ([w, h]: [number, number], map: DescriptorMap) => ({ width: w, height: h, map });
		const matches = matchPointsAsPublished(
			described(annotation.source_size, maps[0]),
			described(annotation.target_size, maps[1]),
			annotation.source_points,
			{ source: load, target: load },
		);
		const expected = await referenceArray(name, 'corr', 'sparse_pred_points_load.npy');
		const similarity = await referenceArray(name, 'corr', 'sparse_sim.npy');
		const [targetWidth, targetHeight] = annotation.target_size;
		matches.forEach(({ target, score }, point) => {
			const found = [(target[1] * 112) / targetHeight, (target[0] * 112) / targetWidth].map(Math.round);
			expect(found).toEqual([Number(expected.data[point * 2]), Number(expected.data[point * 2 + 1])]);
			expect(score).toBeCloseTo(Number(similarity.data[point]), 5);
		});
	});
});
