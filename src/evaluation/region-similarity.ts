import type { BinaryMask } from './binary-mask.js';

/**
 * Region similarity J of the DAVIS benchmark: intersection over union of the two masks.
 * 1 when both are empty (`db_eval_iou` of davis2017-evaluation).
 */
export const regionSimilarity = (truth: BinaryMask, result: BinaryMask): number => {
	let intersection = 0;
	let union = 0;
	for (let i = 0; i < truth.data.length; i++) {
		const a = truth.data[i] ?? 0;
		const b = result.data[i] ?? 0;
		intersection += a & b;
		union += a | b;
	}
	return union === 0 ? 1 : intersection / union;
};
