/** Arithmetic mean; NaN of nothing. */
export const mean = (values: readonly number[]): number =>
	values.reduce((sum, value) => sum + value, 0) / values.length;

/** Per-frame values of one object summed up as in the DAVIS benchmark (`db_statistics` of davis2017-evaluation). */
export type Statistics = {
	readonly mean: number;
	/** Share of frames above 0.5. */
	readonly recall: number;
	/** Mean of the first quarter of the frames minus that of the last: what is lost over time. */
	readonly decay: number;
};

/** Mean, recall and decay; neighbouring quarters share a frame, as in the official code. */
export const statistics = (perFrame: readonly number[]): Statistics => {
	// Frame numbers from 1 to n cut in four, rounded half up (numpy rounds half to even; upstream adds 1e-10 against it).
	const cut = (quarter: number): number => Math.round(1 + ((perFrame.length - 1) * quarter) / 4 + 1e-10) - 1;
	return {
		mean: mean(perFrame),
		recall: mean(perFrame.map((value) => (value > 0.5 ? 1 : 0))),
		decay: mean(perFrame.slice(cut(0), cut(1) + 1)) - mean(perFrame.slice(cut(3), cut(4) + 1)),
	};
};
