import { describe, expect, it } from 'vitest';
import { boxExtent, imageExtent, pck } from '../../src/evaluation/pck.js';

describe('PCK', () => {
	it('counts a point as correct up to and including the tolerance', () => {
		const truth = [
			[0, 0],
			[0, 0],
			[50, 50],
		] as const;
		const predicted = [
			[6, 8],
			[6, 8.001],
			[50, 50],
		] as const;
		expect(pck([{ predicted, truth, extent: 100 }], 0.1)).toMatchObject({
			perPoint: 2 / 3,
			points: 3,
			pairs: 1,
		});
	});

	it('reports the mean over points and the mean over pairs apart', () => {
		const at = (x: number) => [x, 0] as const;
		const pairs = [
			{ predicted: [at(0)], truth: [at(0)], extent: 10 },
			{ predicted: [at(0), at(5), at(5)], truth: [at(0), at(0), at(0)], extent: 10 },
			{ predicted: [], truth: [], extent: 10 },
		];
		expect(pck(pairs, 0.1)).toEqual({ perPoint: 0.5, perImage: (1 + 1 / 3) / 2, points: 4, pairs: 2 });
	});

	it('takes the longer side of the image or of the box as extent', () => {
		expect(imageExtent({ width: 300, height: 500 })).toBe(500);
		expect(boxExtent([10, 20, 110, 60])).toBe(100);
	});
});
