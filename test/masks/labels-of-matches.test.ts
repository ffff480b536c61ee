import { expect, it } from 'vitest';
import { labelsOfMatches } from '../../src/masks/labels/labels-of-matches.js';
import { mergeMatches } from '../../src/matching/merge-matches.js';

const labels = (...data: number[]) => ({
	grid: { height: 1, width: 2 },
	ids: [0, 1],
	data: Float32Array.from(data),
});

it('weights the labels of the matches by exp(similarity / temperature)', () => {
	const matches = {
		k: 2,
		owners: Int32Array.of(0, 1, 1, -1),
		indices: Int32Array.of(0, 1, 0, 0),
		similarities: Float32Array.of(0.9, 0.8, 0.5, Number.NEGATIVE_INFINITY),
	};
	const { labels: unrefined, bestSimilarity } = labelsOfMatches(
		matches,
		[labels(1, 0, 0, 1), labels(0.25, 0.75, 0, 1)],
		0.1,
	);
	// Cell 0: weights 1 and 1/e, of the labels (1, 0) and (0, 1). Cell 1: one match only, (0.25, 0.75).
	const share = 1 / (1 + Math.exp(-1));
	expect(unrefined.data[0]).toBeCloseTo(share, 5);
	expect(unrefined.data[1]).toBeCloseTo(1 - share, 5);
	expect([unrefined.data[2], unrefined.data[3]]).toEqual([0.25, 0.75]);
	expect(bestSimilarity[0]).toBeCloseTo(0.9);
});

it('merges the matches of several frames, best first', () => {
	const merged = mergeMatches(
		[
			{ k: 2, indices: Int32Array.of(4, 5), similarities: Float32Array.of(0.9, 0.2) },
			{ k: 2, indices: Int32Array.of(6, 7), similarities: Float32Array.of(0.8, 0.3) },
		],
		3,
	);
	expect([...merged.owners]).toEqual([0, 1, 1]);
	expect([...merged.indices]).toEqual([4, 6, 7]);
});
