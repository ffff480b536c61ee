import type { Point } from '../../src/core/point.js';
import { cellDescriptors, normalised } from '../../src/matching/cell-descriptors.js';
import type { DescribedImage } from '../../src/matching/described-image.js';
import { loadedPoint } from '../../src/pairs/paper-points.js';

/** exp(ln(1/0.07)), with the logarithm rounded to float32 as in the published code; a constant, not learnt. */
const LOGIT_SCALE = Math.exp(Math.fround(Math.log(1 / 0.07)));

/**
 * The paper's training loss of one annotated pair (section 3.2): as in CLIP, the cross-entropy of every source point
 * over all target cells and the reverse, averaged. Points are scaled to the descriptor grid and rounded.
 *
 * @param sourcePoints in pixels of the source image; point for point as `targetPoints` in the target
 */
export const keypointLoss = (
	source: DescribedImage,
	target: DescribedImage,
	sourcePoints: readonly Point[],
	targetPoints: readonly Point[],
): number => {
	if (sourcePoints.length !== targetPoints.length || sourcePoints.length === 0) {
		throw new RangeError(`${sourcePoints.length} source points for ${targetPoints.length} target points.`);
	}
	const sourceCells = cellsOf(source, sourcePoints);
	const targetCells = cellsOf(target, targetPoints);
	const forwards = crossEntropy(source, target, sourceCells, targetCells);
	const backwards = crossEntropy(target, source, targetCells, sourceCells);
	return (forwards + backwards) / 2;
};

const cellsOf = (image: DescribedImage, points: readonly Point[]): number[] =>
	points.map((point) => {
		const [x, y] = loadedPoint(point, image, image.map);
		return y * image.map.width + x;
	});

/** Mean of -log softmax(scale · cosine)[answer] over the queries. */
const crossEntropy = (
	queryImage: DescribedImage,
	keyImage: DescribedImage,
	queries: readonly number[],
	answers: readonly number[],
): number => {
	const query = normalised(cellDescriptors(queryImage.map));
	const key = normalised(cellDescriptors(keyImage.map));
	const { channels } = key;
	const cells = key.grid.height * key.grid.width;
	const losses = queries.map((cell, i) => {
		const descriptor = query.rows.subarray(cell * channels, (cell + 1) * channels);
		const logits = Float64Array.from({ length: cells }, (_, other) => {
			let product = 0;
			for (let channel = 0; channel < channels; channel++) {
				product += descriptor[channel]! * key.rows[other * channels + channel]!;
			}
			return LOGIT_SCALE * product;
		});
		const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
		const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
		return largest + Math.log(sum) - logits[answers[i] ?? 0]!;
	});
	return losses.reduce((a, b) => a + b, 0) / losses.length;
};
