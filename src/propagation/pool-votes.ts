import type { Vote } from './vote.js';

/** A class that one side excludes altogether could never win again; no vote is that certain. */
const LEAST_PROBABILITY = 1e-3;

/**
 * Where a keyframe looks more like the frame than any recent frame does, something has come back from behind an occluder:
 * the recent frames have never seen it. From `from` on (in cosine similarity, recent frames' best match as zero) the
 * keyframes' weight rises, and reaches `weight` at `to`.
 */
const REAPPEARED = { from: -0.02, to: 0.03, weight: 0.8 };

/**
 * Joins what the keyframes and what the recent frames say, as a logarithmic opinion pool: p ∝ keyframes^w · recent^(1 − w),
 * cell by cell. Recent frames always look more alike than a keyframe that lies far back, so that in one common vote they
 * outvote it, and their errors confirm each other: masks drift. A say of its own lets the painted frame hold against that.
 *
 * @param keyframeWeight w, 0..1, where recent frames match better
 */
export const poolVotes = (keyframes: Vote, recent: Vote, keyframeWeight: number): Vote => {
	const { grid, ids, data } = recent.labels;
	const classes = ids.length;
	const pooled = new Float32Array(data.length);
	for (let first = 0; first < data.length; first += classes) {
		const cell = first / classes;
		const lead = (keyframes.bestSimilarity[cell] as number) - (recent.bestSimilarity[cell] as number);
		const w = weightOf(lead, keyframeWeight);
		let total = 0;
		for (let at = first; at < first + classes; at++) {
			const old = Math.max(LEAST_PROBABILITY, keyframes.labels.data[at] as number);
			const young = Math.max(LEAST_PROBABILITY, data[at] as number);
			const joined = old ** w * young ** (1 - w);
			pooled[at] = joined;
			total += joined;
		}
		for (let at = first; at < first + classes; at++) {
			pooled[at] = (pooled[at] as number) / total;
		}
	}
	return {
		labels: { grid, ids, data: pooled },
		bestSimilarity: recent.bestSimilarity.map((similarity, cell) =>
			Math.max(similarity, keyframes.bestSimilarity[cell] as number),
		),
	};
};

const weightOf = (lead: number, usual: number): number => {
	const { from, to, weight } = REAPPEARED;
	const share = Math.min(1, Math.max(0, (lead - from) / (to - from)));
	return usual + Math.max(0, weight - usual) * share;
};
