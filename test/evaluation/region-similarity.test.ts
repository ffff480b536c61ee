import { describe, expect, it } from 'vitest';
import { regionSimilarity } from '../../src/evaluation/region-similarity.js';
import { drawMask } from './masks.js';

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
