import type { MatchedLabels } from './labels-of-matches.js';
import type { PropagationSettings } from './settings.js';

type KeyframeWeights = Pick<PropagationSettings, 'keyframeWeight' | 'reappearedWeight'>;

/** A class that one side excludes altogether could never win again; no match is that certain. */
const LEAST_PROBABILITY = 1e-3;

/**
 * Where a keyframe looks more like the frame than any recent frame does, something has come back from behind an occluder:
 * the recent frames have never seen it. From `from` on (in cosine similarity, recent frames' best match as zero) the
 * keyframes' weight rises, and reaches the one of things that reappear at `to`.
 */
const REAPPEARED = { from: -0.05, to: 0 };

/**
 * Joins what the keyframes and what the recent frames say, as a logarithmic opinion pool: p ∝ keyframes^w · recent^(1 − w),
 * cell by cell. Recent frames always look more alike than a keyframe that lies far back, so that in one common mean they
 * outweigh it, and their errors confirm each other: masks drift. A say of its own lets the painted frame hold against that.
 *
 * @param weights of the keyframes, 0..1: where recent frames match better, and where something has reappeared
 */
export const poolLabels = (
	keyframes: MatchedLabels,
	recent: MatchedLabels,
	weights: KeyframeWeights,
): MatchedLabels => {
	const { grid, ids, data } = recent.labels;
	const classes = ids.length;
	const pooled = new Float32Array(data.length);
	for (let first = 0; first < data.length; first += classes) {
		const cell = first / classes;
		if (isSame(keyframes.labels.data, data, first, classes)) {
			// Most cells: the pool of equal opinions is that opinion.
			pooled.set(data.subarray(first, first + classes), first);
			continue;
		}
		const lead = keyframes.bestSimilarity[cell]! - recent.bestSimilarity[cell]!;
		const w = weightOf(lead, weights);
		let total = 0;
		for (let at = first; at < first + classes; at++) {
			const old = Math.max(LEAST_PROBABILITY, keyframes.labels.data[at]!);
			const young = Math.max(LEAST_PROBABILITY, data[at]!);
			const joined = old ** w * young ** (1 - w);
			pooled[at] = joined;
			total += joined;
		}
		for (let at = first; at < first + classes; at++) {
			pooled[at]! /= total;
		}
	}
	return {
		labels: { grid, ids, data: pooled },
		bestSimilarity: recent.bestSimilarity.map((similarity, cell) =>
			Math.max(similarity, keyframes.bestSimilarity[cell]!),
		),
	};
};

const isSame = (a: Float32Array, b: Float32Array, first: number, length: number): boolean => {
	for (let at = first; at < first + length; at++) {
		if (a[at] !== b[at]) {
			return false;
		}
	}
	return true;
};

const weightOf = (lead: number, { keyframeWeight, reappearedWeight }: KeyframeWeights): number => {
	const share = Math.min(1, Math.max(0, (lead - REAPPEARED.from) / (REAPPEARED.to - REAPPEARED.from)));
	return keyframeWeight + Math.max(0, reappearedWeight - keyframeWeight) * share;
};
