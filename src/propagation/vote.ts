import type { TopMatches } from '../correspondence/window-matcher.js';
import type { SoftLabels } from './soft-labels.js';

/** One remembered frame's say in the vote. */
export type Witness = { readonly matches: TopMatches; readonly labels: SoftLabels };

export type Vote = {
	readonly labels: SoftLabels;
	/** [H * W] best cosine similarity of each query cell over all witnesses. */
	readonly bestSimilarity: Float32Array;
};

/**
 * Label propagation by top-k softmax voting, the protocol of the self-supervised video-correspondence
 * literature (CRW, DINO): the `k` best matches over *all* remembered frames vote with
 * `exp(similarity / temperature)`, and their soft labels are averaged.
 *
 * @param witnesses at least one; all on one grid with the same classes
 */
export const vote = (witnesses: readonly Witness[], k: number, temperature: number): Vote => {
	const first = witnesses[0];
	if (first === undefined) {
		throw new Error('A vote needs at least one remembered frame.');
	}
	const { grid, ids } = first.labels;
	const classes = ids.length;
	const cells = grid.height * grid.width;
	const out = new Float32Array(cells * classes);
	const bestSimilarity = new Float32Array(cells);
	// The k best so far, kept sorted by insertion: k is small and most candidates fail the first comparison.
	const scores = new Float32Array(k);
	const sources = new Int32Array(k);
	const owners = new Int32Array(k);
	for (let cell = 0; cell < cells; cell++) {
		let held = 0;
		for (let w = 0; w < witnesses.length; w++) {
			const { matches } = witnesses[w] as Witness;
			for (let rank = 0; rank < matches.k; rank++) {
				const score = matches.similarities[cell * matches.k + rank] as number;
				if (held === k && score <= (scores[k - 1] as number)) {
					break; // Matches come best first: the rest of this witness is no better.
				}
				let at = held < k ? held++ : k - 1;
				while (at > 0 && (scores[at - 1] as number) < score) {
					scores[at] = scores[at - 1] as number;
					sources[at] = sources[at - 1] as number;
					owners[at] = owners[at - 1] as number;
					at--;
				}
				scores[at] = score;
				sources[at] = matches.indices[cell * matches.k + rank] as number;
				owners[at] = w;
			}
		}
		const best = scores[0] as number;
		bestSimilarity[cell] = best;
		let total = 0;
		for (let i = 0; i < held; i++) {
			const weight = Math.exp(((scores[i] as number) - best) / temperature);
			total += weight;
			const { data } = (witnesses[owners[i] as number] as Witness).labels;
			const from = (sources[i] as number) * classes;
			for (let c = 0; c < classes; c++) {
				out[cell * classes + c] = (out[cell * classes + c] as number) + weight * (data[from + c] as number);
			}
		}
		for (let c = 0; c < classes; c++) {
			out[cell * classes + c] = (out[cell * classes + c] as number) / total;
		}
	}
	return { labels: { grid, ids, data: out }, bestSimilarity };
};
