import type { TopMatches } from './window-matcher.js';

/** The best keys of every query cell over several remembered frames, best first. */
export type MemoryMatches = {
	/** Matches per query. */
	readonly k: number;
	/** [queries, k] which of the frames; -1 where there are fewer than k keys (only at a query's end). */
	readonly owners: Int32Array;
	/** [queries, k] cell numbers in the owner's grid. */
	readonly indices: Int32Array;
	/** [queries, k] cosine similarities. */
	readonly similarities: Float32Array;
};

/**
 * The `k` best matches of every query over several frames, from each frame's own best.
 *
 * @param frames at least one, all of the same queries
 */
export const mergeMatches = (frames: readonly TopMatches[], k: number): MemoryMatches => {
	const [first] = frames;
	if (first === undefined) {
		throw new Error('There must be matches of at least one frame.');
	}
	const queries = first.indices.length / first.k;
	const similarities = new Float32Array(queries * k).fill(Number.NEGATIVE_INFINITY);
	const owners = new Int32Array(queries * k).fill(-1);
	const indices = new Int32Array(queries * k);
	for (let query = 0; query < queries; query++) {
		const from = query * k;
		const last = from + k - 1;
		for (let owner = 0; owner < frames.length; owner++) {
			const matches = frames[owner]!;
			for (let candidate = query * matches.k; candidate < (query + 1) * matches.k; candidate++) {
				const similarity = matches.similarities[candidate]!;
				if (similarity <= similarities[last]!) {
					break; // Matches come best first: the rest of this frame is no better.
				}
				let rank = last;
				while (rank > from && similarities[rank - 1]! < similarity) {
					similarities[rank] = similarities[rank - 1]!;
					owners[rank] = owners[rank - 1]!;
					indices[rank] = indices[rank - 1]!;
					rank--;
				}
				similarities[rank] = similarity;
				owners[rank] = owner;
				indices[rank] = matches.indices[candidate]!;
			}
		}
	}
	return { k, owners, indices, similarities };
};
