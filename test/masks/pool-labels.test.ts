import { expect, it } from 'vitest';
import type { MatchedLabels } from '../../src/masks/labels/labels-of-matches.js';
import { poolLabels } from '../../src/masks/labels/pool-labels.js';

/** One cell; the probability of its object, and how similar its best match is. */
const labelsOf = (object: number, similarity: number): MatchedLabels => ({
	labels: { grid: { height: 1, width: 1 }, ids: [0, 4], data: Float32Array.of(1 - object, object) },
	bestSimilarity: Float32Array.of(similarity),
});

const objectOf = ({ labels }: MatchedLabels): number => labels.data[1] ?? Number.NaN;

it('lets the keyframe turn what the recent frames are unsure of', () => {
	expect(
		objectOf(
			poolLabels(labelsOf(0, 0.6), labelsOf(0.7, 0.9), { keyframeWeight: 0.3, reappearedWeight: 0.8 }),
		),
	).toBeLessThan(0.5);
	expect(
		objectOf(
			poolLabels(labelsOf(0.5, 0.6), labelsOf(0.7, 0.9), { keyframeWeight: 0.3, reappearedWeight: 0.8 }),
		),
	).toBeGreaterThan(0.5);
});

it('is the geometric mean with the given weights, normalised', () => {
	const [a, b] = [0.2 ** 0.3 * 0.9 ** 0.7, 0.8 ** 0.3 * 0.1 ** 0.7];
	expect(
		objectOf(
			poolLabels(labelsOf(0.2, 0.5), labelsOf(0.9, 0.9), { keyframeWeight: 0.3, reappearedWeight: 0.8 }),
		),
	).toBeCloseTo(a / (a + b), 5);
});

it('keeps either side where the other has no weight, and the better similarity', () => {
	expect(
		objectOf(
			poolLabels(labelsOf(0.8, 0.5), labelsOf(0.3, 0.9), { keyframeWeight: 0, reappearedWeight: 0.8 }),
		),
	).toBeCloseTo(0.3, 5);
	const onlyKeyframes = poolLabels(labelsOf(0.8, 0.5), labelsOf(0.3, 0.9), {
		keyframeWeight: 1,
		reappearedWeight: 0.8,
	});
	expect(objectOf(onlyKeyframes)).toBeCloseTo(0.8, 5);
	expect(onlyKeyframes.bestSimilarity[0]).toBeCloseTo(0.9);
});

it('believes the keyframe where it looks more alike than every recent frame: an object that comes back', () => {
	expect(
		objectOf(
			poolLabels(labelsOf(0.9, 0.8), labelsOf(0.05, 0.9), { keyframeWeight: 0.3, reappearedWeight: 0.8 }),
		),
	).toBeLessThan(0.5);
	expect(
		objectOf(
			poolLabels(labelsOf(0.9, 0.95), labelsOf(0.05, 0.9), { keyframeWeight: 0.3, reappearedWeight: 0.8 }),
		),
	).toBeGreaterThan(0.5);
});
