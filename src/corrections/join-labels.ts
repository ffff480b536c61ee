import type { CarriedLabels } from '../propagation/propagate-masks.js';
import type { SoftLabels } from '../propagation/soft-labels.js';

/** The higher, the more the surer pass decides a cell alone. */
const SHARPNESS = 4;

/**
 * Joins what was carried to one frame from the keyframe before it and from the one after it: each cell's probabilities
 * are averaged, weighted with nearness and with how sure each pass is of the cell.
 *
 * @param share 0..1: how near the frame is to the later keyframe
 * @param ids classes of the result, background first; a pass that does not know a class has seen nothing of it
 */
export const joinLabels = (
	before: CarriedLabels,
	after: CarriedLabels,
	share: number,
	ids: readonly number[],
): { readonly labels: SoftLabels; readonly bestSimilarity: Float32Array } => {
	const { grid } = before.voted;
	const cells = grid.height * grid.width;
	const classes = ids.length;
	const data = new Float32Array(cells * classes);
	const bestSimilarity = new Float32Array(cells);
	const sides = [
		{ carried: before, weight: 1 - share, columns: columnsOf(before.voted, ids) },
		{ carried: after, weight: share, columns: columnsOf(after.voted, ids) },
	];
	for (let cell = 0; cell < cells; cell++) {
		let total = 0;
		for (const { carried, weight, columns } of sides) {
			const own = columns.length;
			let decided = 0;
			for (let c = 0; c < own; c++) {
				decided = Math.max(decided, carried.voted.data[cell * own + c] as number);
			}
			const similarity = Math.max(0, carried.bestSimilarity[cell] as number);
			const say = weight * (decided * similarity) ** SHARPNESS + 1e-9 * weight;
			total += say;
			bestSimilarity[cell] = (bestSimilarity[cell] as number) + say * similarity;
			for (let c = 0; c < own; c++) {
				const at = cell * classes + (columns[c] as number);
				data[at] = (data[at] as number) + say * (carried.voted.data[cell * own + c] as number);
			}
		}
		bestSimilarity[cell] = (bestSimilarity[cell] as number) / total;
		for (let c = 0; c < classes; c++) {
			data[cell * classes + c] = (data[cell * classes + c] as number) / total;
		}
	}
	return { labels: { grid, ids, data }, bestSimilarity };
};

/** Where each class of a pass stands among all classes. */
const columnsOf = (labels: SoftLabels, ids: readonly number[]): number[] =>
	labels.ids.map((id) => Math.max(0, ids.indexOf(id)));
