import type { Point } from '../core/point.js';
import { inputSize } from '../features/preprocess.js';
import type { DescribedImage } from '../matching/described-image.js';
import type { Manifest } from '../models/manifest.js';
import type { Runtime } from '../runtime/session.js';
import { matchPoints, type PointMatch } from './match-points.js';
import { matchPointsTogether } from './match-points-together.js';
import type { PointMode } from './modes.js';
import type { PairMasks } from './pair-masks.js';
import { matchPointsAsPublished } from './paper-points.js';

/** Finds points of one image in another. */
export type PointMatcher = (
	source: DescribedImage,
	target: DescribedImage,
	points: readonly Point[],
	masks?: PairMasks,
) => Promise<PointMatch[]>;

/** @param settings of the model, whose input size the released code upsamples to */
export const pointMatcher = (
	mode: PointMode,
	runtime: Runtime,
	settings: Manifest['image'],
): PointMatcher => {
	switch (mode) {
		case 'smooth':
			return (source, target, points, masks) => matchPointsTogether(source, target, points, runtime, masks);
		case 'nearest':
			return async (source, target, points, masks = {}) => matchPoints(source, target, points, { masks });
		case 'paper':
			return async (source, target, points) =>
				matchPointsAsPublished(source, target, points, {
					source: inputSize(source, settings),
					target: inputSize(target, settings),
				});
	}
};
