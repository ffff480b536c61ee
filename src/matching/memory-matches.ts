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
