import type { Size } from '../../src/core/size.js';
import type { TruePoint } from './scenes.js';

/** Of one point in one frame. */
export type Compared = {
	/** Distance from the truth in pixels of the frame, and of a frame shrunk to 256 x 256. */
	readonly pixels: number;
	readonly error: number;
	readonly isVisible: boolean;
	readonly isSaidVisible: boolean;
};

/**
 * Every point in every frame but the one it was given in.
 *
 * @param truth [points][frames]
 * @param found [frames][points]
 */
export const compare = (
	truth: readonly (readonly TruePoint[])[],
	found: readonly (readonly TruePoint[])[],
	at: number,
	{ width, height }: Size,
): Compared[] =>
	found.flatMap((places, frame) =>
		frame === at
			? []
			: places.flatMap((place, i) => {
					const real = truth[i]?.[frame];
					if (real === undefined) {
						throw new Error(`There is no truth for point ${i} in frame ${frame}.`);
					}
					const [dx, dy] = [place.x - real.x, place.y - real.y];
					return {
						pixels: Math.hypot(dx, dy),
						error: Math.hypot((dx * 256) / width, (dy * 256) / height),
						isVisible: real.visible,
						isSaidVisible: place.visible,
					};
				}),
	);

/** Thresholds of TAP-Vid in pixels of a frame shrunk to 256 x 256 (Doersch et al. 2022, section 3.3). */
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

/** The measures of TAP-Vid. */
export const tapVid = (points: readonly Compared[]): TapVidScore => {
	const count = (isCounted: (point: Compared) => boolean): number => points.filter(isCounted).length;
	const visible = count(({ isVisible }) => isVisible);
	const within = THRESHOLDS.map(
		(threshold) => count(({ isVisible, error }) => isVisible && error < threshold) / visible,
	);
	const jaccards = THRESHOLDS.map((threshold) => {
		const right = count((point) => point.isVisible && point.isSaidVisible && point.error < threshold);
		const wrong = count((point) => point.isSaidVisible && (!point.isVisible || point.error >= threshold));
		return right / (visible + wrong);
	});
	return {
		delta: mean(within),
		jaccard: mean(jaccards),
		occlusion: count(({ isVisible, isSaidVisible }) => isVisible === isSaidVisible) / points.length,
	};
};

const mean = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0) / numbers.length;

export const quantile = (numbers: readonly number[], share: number): number =>
	[...numbers].sort((a, b) => a - b)[Math.floor(share * (numbers.length - 1))] ?? Number.NaN;
