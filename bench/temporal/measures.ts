import { type Labels, objectMask, regionSimilarity } from '../../src/evaluation/mask-measures.js';
import { mean } from '../../src/evaluation/statistics.js';

/** Masks of a clip, one a frame. */
export type Masks = readonly Labels[];

export const areas = (masks: Masks, id: number): number[] =>
	masks.map(({ ids }) => ids.reduce((sum, each) => sum + (each === id ? 1 : 0), 0));

/** Overlap with the truth, a value a frame; 1 where both are empty. */
export const overlaps = (truth: Masks, result: Masks, id: number): number[] =>
	truth.map((labels, i) => regionSimilarity(objectMask(labels, id), objectMask(result[i]!, id)));

/** How much of a mask changes from one frame to the next: 1 - IoU of neighbours in time. */
export const change = (masks: Masks, id: number): number =>
	mean(
		masks.slice(1).map((labels, i) => {
			const [earlier, later] = [objectMask(masks[i]!, id), objectMask(labels, id)];
			return 1 - regionSimilarity(earlier, later);
		}),
	);

/** Mean size of the area's second difference over its mean: growing or shrinking evenly is none, flicker is. */
export const areaJitter = (masks: Masks, id: number): number => {
	const area = areas(masks, id);
	const bends = area.slice(2).map((next, i) => Math.abs(next - 2 * area[i + 1]! + area[i]!));
	return mean(bends) / mean(area);
};

/** Of the pixels that are `id` in truth, the share that has been given to `other`. */
export const taken = (truth: Masks, result: Masks, id: number, other: number): number => {
	let [total, wrong] = [0, 0];
	for (const [i, { ids }] of truth.entries()) {
		for (const [pixel, each] of ids.entries()) {
			if (each === id) {
				total++;
				wrong += result[i]?.ids[pixel] === other ? 1 : 0;
			}
		}
	}
	return total === 0 ? 0 : wrong / total;
};

/** Frames first and last of the longest run in which an area is below `share` of its largest before and after. */
export const occlusion = (area: readonly number[], share: number): readonly [number, number] | undefined => {
	let longest: readonly [number, number] | undefined;
	let start: number | undefined;
	for (const [i, size] of area.entries()) {
		const before = Math.max(...area.slice(0, i + 1));
		const after = Math.max(...area.slice(i));
		if (size < share * Math.min(before, after)) {
			start ??= i;
			if (longest === undefined || i - start > longest[1] - longest[0]) {
				longest = [start, i];
			}
		} else {
			start = undefined;
		}
	}
	return longest;
};
