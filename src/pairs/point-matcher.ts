import type { Point } from '../core/point.js';
import { cellsFromPixels } from '../core/size.js';
import { inputSize } from '../features/preprocess.js';
import type { DescribedImage } from '../matching/described-image.js';
import type { Manifest } from '../models/manifest.js';
import type { Runtime } from '../runtime/session.js';
import { matchField, SEARCH_RADIUS } from './match-field.js';
import { matchPoints, type PointMatch } from './match-points.js';
import type { PointMode } from './modes.js';
import type { PairMasks } from './pair-masks.js';
import { matchPointsAsPublished } from './paper-points.js';
import { offsetAt } from './upsample-field.js';

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

/**
 * Finds points with the help of all that surrounds them: the whole source is matched smoothly, and each point is
 * looked for near where the smooth field puts it. A point that looks like many others (a leg, an eye) goes where its
 * surroundings go.
 */
export const matchPointsTogether = async (
	source: DescribedImage,
	target: DescribedImage,
	points: readonly Point[],
	runtime: Runtime,
	masks: PairMasks = {},
): Promise<PointMatch[]> => {
	// A field leads from each cell of its target into its source, so here the images change their parts.
	const field = await matchField(target, source, runtime, { source: masks.target, target: masks.source });
	const [from, to] = [source.map, target.map];
	return matchPoints(source, target, points, {
		masks,
		near: ({ x, y }) => {
			const offset = offsetAt(field, x, y);
			return {
				centre: {
					x: cellsFromPixels(x, from.width, to.width) + offset.x,
					y: cellsFromPixels(y, from.height, to.height) + offset.y,
				},
				radius: SEARCH_RADIUS,
			};
		},
	});
};
