import { describe, expect, it } from 'vitest';
import { statistics } from '../../src/evaluation/statistics.js';

describe('statistics over frames', () => {
	it('gives the mean and the share of frames above one half', () => {
		const { mean, recall } = statistics([1, 0.5, 0.6, 0.1]);
		expect(mean).toBeCloseTo(0.55, 12);
		expect(recall).toBe(0.5);
	});

	it('gives what is lost from the first quarter to the last; quarters share their border frames', () => {
		// Nine frames: the quarters are frames 0-2, 2-4, 4-6, 6-8.
		const perFrame = [0.9, 0.9, 0.6, 0.5, 0.5, 0.5, 0.6, 0.3, 0.3];
		expect(statistics(perFrame).decay).toBeCloseTo(0.8 - 0.4, 12);
	});

	it('rounds quarter borders half up', () => {
		// Three frames: borders at 1, 1.5, 2, 2.5, 3 become 1, 2, 2, 3, 3: the first quarter has frames 0-1, the last frame 2.
		expect(statistics([1, 0, 0.25]).decay).toBeCloseTo(0.5 - 0.25, 12);
	});
});
