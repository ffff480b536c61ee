/** Of one point in one frame; positions in pixels. */
export type Compared = {
	readonly error: number;
	readonly isVisible: boolean;
	readonly isSaidVisible: boolean;
};

/** Thresholds of TAP-Vid in pixels of a clip shrunk to 256 x 256 (Doersch et al. 2022, section 3.3). */
const THRESHOLDS = [1, 2, 4, 8, 16];

/** 0..1 each. */
export type TapVidScore = {
	/** Mean over the thresholds of the share of visible points that are within one. */
	readonly delta: number;
	/** Average Jaccard: visible points found within a threshold, among those, the missed and the wrongly claimed. */
	readonly jaccard: number;
	/** Occlusion accuracy: the share of points whose visibility is told rightly. */
	readonly occlusion: number;
};

/** The measures of TAP-Vid. @param points with errors in pixels of 256 x 256 */
export const tapVid = (points: readonly Compared[]): TapVidScore => {
	const visible = points.filter(({ isVisible }) => isVisible).length;
	const within = THRESHOLDS.map(
		(threshold) => points.filter(({ isVisible, error }) => isVisible && error < threshold).length / visible,
	);
	const jaccards = THRESHOLDS.map((threshold) => {
		const right = points.filter(
			({ isVisible, isSaidVisible, error }) => isVisible && isSaidVisible && error < threshold,
		).length;
		const wrong = points.filter(
			({ isVisible, isSaidVisible, error }) => isSaidVisible && (!isVisible || error >= threshold),
		).length;
		return right / (visible + wrong);
	});
	return {
		delta: mean(within),
		jaccard: mean(jaccards),
		occlusion:
			points.filter(({ isVisible, isSaidVisible }) => isVisible === isSaidVisible).length / points.length,
	};
};

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
