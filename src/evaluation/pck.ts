import type { Point } from '../core/point.js';
import type { Size } from '../core/size.js';
import { mean } from './statistics.js';

/** One image pair's predicted and true points in the target image, point for point. */
export type PckPair = {
	readonly predicted: readonly Point[];
	readonly truth: readonly Point[];
	/** The length that the tolerance is a share of: see {@link imageExtent} and {@link boxExtent}. */
	readonly extent: number;
};

/** Share of correct keypoints. The literature prints either without saying which; they differ by points. */
export type Pck = {
	/** Over all points of all pairs at once: what the paper reports. */
	readonly perPoint: number;
	/** Mean over the pairs of each pair's share. */
	readonly perImage: number;
	readonly points: number;
	readonly pairs: number;
};

/** Extent for PCK@img: the longer side of the target image, in pixels. */
export const imageExtent = (size: Size): number => Math.max(size.width, size.height);

/** Extent for PCK@bbox: the longer side of the target's bounding box `[left, top, right, bottom]`, in pixels. */
export const boxExtent = ([left, top, right, bottom]: readonly [number, number, number, number]): number =>
	Math.max(right - left, bottom - top);

const correctness = ({ predicted, truth, extent }: PckPair, alpha: number): number[] => {
	if (predicted.length !== truth.length) {
		throw new RangeError(`${predicted.length} predicted points for ${truth.length} true ones.`);
	}
	return truth.map(([x, y], index) => {
		const [px, py] = predicted[index] ?? [Number.NaN, Number.NaN];
		return Math.hypot(px - x, py - y) <= alpha * extent ? 1 : 0;
	});
};

/**
 * PCK at `alpha` (0.1 in the paper, section 4.1): a point is correct if it lies within `alpha * extent` of the truth.
 * Pairs without points are left out.
 */
export const pck = (pairs: readonly PckPair[], alpha: number): Pck => {
	const perPair = pairs.map((pair) => correctness(pair, alpha)).filter((correct) => correct.length > 0);
	const perPoint = perPair.flat();
	return {
		perPoint: mean(perPoint),
		perImage: mean(perPair.map(mean)),
		points: perPoint.length,
		pairs: perPair.length,
	};
};
