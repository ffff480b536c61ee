import { throwIfAborted } from '../../core/errors.js';
import type { Raster } from '../../core/frame.js';
import type { Point } from '../../core/point.js';
import { readImage } from '../../media/image.js';
import { boxExtent, imageExtent, type Pck, type PckPair, pck } from '../pck.js';
import type { KeypointPair } from './keypoint-pair.js';
import { type MethodScoreOf, scoreMethods } from './method-scores.js';

/** Tolerance of PCK@0.1, as in the paper. */
const ALPHA = 0.1;

/** An image of a pair, read. */
export type PairImage = { readonly path: string; readonly image: Raster<3> };

/** A method that is measured: finds the source's points in the target. */
export type KeypointMethod = {
	readonly name: string;
	find(source: PairImage, target: PairImage, points: readonly Point[]): Promise<readonly Point[]>;
};

/** PCK@0.1 with the image and with the object's box as measure. */
export type KeypointScore = { readonly image: Pck; readonly box: Pck };

export type MethodScore = MethodScoreOf<KeypointScore>;

type KeypointEvaluation = {
	readonly pairs: readonly KeypointPair[];
	readonly methods: readonly KeypointMethod[];
	readonly signal?: AbortSignal | undefined;
	readonly onPair?: ((done: number, total: number) => void) | undefined;
};

type PairScore = { readonly category: string; readonly image: PckPair; readonly box: PckPair };

/**
 * PCK@0.1 of several methods on the same pairs (paper, section 4.1), in pixels of the original images. Over all pairs
 * and for each category.
 */
export const evaluateKeypoints = async ({
	pairs,
	methods,
	signal,
	onPair,
}: KeypointEvaluation): Promise<MethodScore[]> => {
	const scores = methods.map(() => [] as PairScore[]);
	for (const [done, pair] of pairs.entries()) {
		const [source, target] = [await read(pair.source.path), await read(pair.target.path)];
		for (const [index, method] of methods.entries()) {
			throwIfAborted(signal);
			const predicted = await method.find(source, target, pair.source.points);
			const truth = pair.target.points;
			scores[index]?.push({
				category: pair.category,
				image: { predicted, truth, extent: imageExtent(target.image) },
				box: { predicted, truth, extent: boxExtent(pair.target.box) },
			});
		}
		onPair?.(done + 1, pairs.length);
	}
	return scoreMethods(methods, scores, scoreOf);
};

const read = async (path: string): Promise<PairImage> => ({ path, image: await readImage(path) });

const scoreOf = (pairs: readonly PairScore[]): KeypointScore => ({
	image: pck(
		pairs.map(({ image }) => image),
		ALPHA,
	),
	box: pck(
		pairs.map(({ box }) => box),
		ALPHA,
	),
});
