import { type LabelMap, objectIds } from './frame.js';
import type { GridSize } from './size.js';

/**
 * Probabilities of every object on the descriptor grid, background first:
 * `data[cell * classes + c]`, rows sum to 1.
 */
export type SoftLabels = {
	readonly grid: GridSize;
	/** Object id of each class; `ids[0]` is 0, the background. */
	readonly ids: readonly number[];
	/** [H * W, classes] */
	readonly data: Float32Array;
};

/** The ids that occur in a mask, ascending, background always first. */
export const classIds = (mask: LabelMap): number[] => [0, ...objectIds(mask)];

/**
 * Brings a mask to the descriptor grid: each cell gets the share of its area that every object covers.
 *
 * @param ids classes wanted, background first; ids of the mask that are not among them count as background
 */
export const labelsFromMask = (mask: LabelMap, grid: GridSize, ids: readonly number[]): SoftLabels => {
	const classes = ids.length;
	const classOf = new Uint8Array(256);
	for (const [position, id] of ids.entries()) {
		classOf[id] = position;
	}
	const data = new Float32Array(grid.height * grid.width * classes);
	// A pixel covers [x, x + 1); it is split over the cells it overlaps, so cells need not be whole pixels.
	const line = new Float32Array(grid.width * classes);
	for (let y = 0; y < mask.height; y++) {
		line.fill(0);
		// Along a row in runs of one id: there are a few of them, but hundreds of pixels.
		for (let x = 0; x < mask.width; ) {
			const id = mask.ids[y * mask.width + x]!;
			let end = x + 1;
			while (end < mask.width && mask.ids[y * mask.width + end] === id) {
				end++;
			}
			cover(line, classOf[id]!, classes, (x * grid.width) / mask.width, (end * grid.width) / mask.width);
			x = end;
		}
		const [top, bottom] = [(y * grid.height) / mask.height, ((y + 1) * grid.height) / mask.height];
		for (let row = Math.floor(top); row < bottom; row++) {
			const share = overlap(row, top, bottom);
			for (let at = 0; at < line.length; at++) {
				const to = row * line.length + at;
				data[to]! += share * line[at]!;
			}
		}
	}
	return { grid, ids, data };
};

/** How much of a cell lies between two places, in cells. */
const overlap = (cell: number, from: number, to: number): number =>
	Math.min(to, cell + 1) - Math.max(from, cell);

/** Adds to the cells of a line what a run from one place to another covers of each. */
const cover = (line: Float32Array, label: number, classes: number, from: number, to: number): void => {
	for (let cell = Math.floor(from); cell < to; cell++) {
		const at = cell * classes + label;
		line[at]! += overlap(cell, from, to);
	}
};

/** A class with at least this probability is taken for certain: matches need no care there, and borders do not move. */
export const CERTAIN = 0.98;

/** Marks what no class has for certain. */
export const UNCERTAIN = 255;

/** [H * W] the class that each cell certainly has, or {@link UNCERTAIN}. */
export const certainClasses = ({ grid, ids, data }: SoftLabels): Uint8Array => {
	const classes = ids.length;
	const out = new Uint8Array(grid.height * grid.width).fill(UNCERTAIN);
	for (let cell = 0; cell < out.length; cell++) {
		for (let c = 0; c < classes; c++) {
			if (data[cell * classes + c]! >= CERTAIN) {
				out[cell] = c;
				break;
			}
		}
	}
	return out;
};

/** The mean of two sets of labels of the same classes; `share` 0..1 is the second one's. */
export const mixLabels = (a: SoftLabels, b: SoftLabels, share: number): SoftLabels => ({
	...a,
	data: a.data.map((value, at) => value + share * (b.data[at]! - value)),
});
