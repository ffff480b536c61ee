import type { SoftLabels } from '../../core/soft-labels.js';

/** Cells where objects together are less probable than this say nothing about the objects. */
const MIN_OBJECT_PROBABILITY = 0.05;

/**
 * How far a propagated frame can be trusted, 0..1: over the cells that may belong to an object, the mean of
 * (how decided the cell is) x (how similar the best match is). 1 when no object is in sight.
 *
 * @param bestSimilarity [H * W] cosine similarity of each cell's best match
 */
export const frameConfidence = ({ ids, data }: SoftLabels, bestSimilarity: Float32Array): number => {
	const classes = ids.length;
	let sum = 0;
	let weight = 0;
	for (let cell = 0; cell < bestSimilarity.length; cell++) {
		const object = 1 - data[cell * classes]!;
		if (object < MIN_OBJECT_PROBABILITY) {
			continue;
		}
		let best = 0;
		for (let c = 0; c < classes; c++) {
			best = Math.max(best, data[cell * classes + c]!);
		}
		sum += object * best * Math.max(0, bestSimilarity[cell]!);
		weight += object;
	}
	return weight === 0 ? 1 : sum / weight;
};
