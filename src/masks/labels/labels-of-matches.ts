import type { SoftLabels } from '../../core/soft-labels.js';
import type { MemoryMatches } from '../../matching/merge-matches.js';

/** What remembered frames say about a frame. */
export type MatchedLabels = {
	readonly labels: SoftLabels;
	/** [H * W] best cosine similarity of each query cell over all remembered frames. */
	readonly bestSimilarity: Float32Array;
};

/**
 * Label propagation by top-k softmax voting, the protocol of the self-supervised video-correspondence
 * literature (CRW, DINO): the `k` best matches over *all* remembered frames are
 * weighted with `exp(similarity / temperature)`, and their soft labels averaged.
 *
 * @param remembered labels of the frames that the matches' owners number; all on one grid with the same classes
 */
export const labelsOfMatches = (
	matches: MemoryMatches,
	remembered: readonly SoftLabels[],
	temperature: number,
): MatchedLabels => {
	const [first] = remembered;
	if (first === undefined) {
		throw new Error('Labels need at least one remembered frame.');
	}
	const { grid, ids } = first;
	const cells = grid.height * grid.width;
	const out = new Float32Array(cells * ids.length);
	const bestSimilarity = new Float32Array(cells);
	const data = remembered.map((labels) => labels.data);
	for (let cell = 0; cell < cells; cell++) {
		bestSimilarity[cell] = matches.similarities[cell * matches.k]!;
		writeCell(cell, matches, data, temperature, out, ids.length);
	}
	return { labels: { grid, ids, data: out }, bestSimilarity };
};

/** Writes what the matches of one cell say. A function of its own, which engines compile once, and not with every way out of the loop. */
const writeCell = (
	cell: number,
	{ k, owners, indices, similarities }: MemoryMatches,
	data: readonly Float32Array[],
	temperature: number,
	out: Float32Array,
	classes: number,
): void => {
	const best = similarities[cell * k]!;
	const to = cell * classes;
	let total = 0;
	for (let match = cell * k; match < (cell + 1) * k && owners[match]! >= 0; match++) {
		const weight = Math.exp((similarities[match]! - best) / temperature);
		total += weight;
		const source = data[owners[match]!]!;
		const from = indices[match]! * classes;
		for (let c = 0; c < classes; c++) {
			out[to + c]! += weight * source[from + c]!;
		}
	}
	for (let c = 0; c < classes; c++) {
		out[to + c]! /= total;
	}
};
