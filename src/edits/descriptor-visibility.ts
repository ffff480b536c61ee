import type { Raster } from '../core/frame.js';
import { cellsFromPixels, type GridSize, pixelsFromCells, type Size } from '../core/size.js';
import type { SoftLabels } from '../core/soft-labels.js';
import { refineLabels } from '../masks/refinement/refine-labels.js';
import { type CellDescriptors, descriptorAt, similarityTo } from '../matching/cell-descriptors.js';
import { neighbourSimilarity } from '../matching/neighbour-similarity.js';
import type { CarriedField } from './carried-field.js';

/** Similarity may fall by so many typical differences of neighbours, and correlation by so much, before something else must be in front. */
const TOLERANCE = 3;
const CORRELATION_TOLERANCE = 0.4;
/** Mean of both falls, in tolerances, at which a place counts as hidden, and how sharp that is. */
const HIDDEN_FALL = 0.65;
const SOFTNESS = 0.1;
/**
 * Neither sign says more than this. A descriptor alone may tell that a place is hidden. A patch may not: it is larger than a
 * cell, and falls already when something comes near.
 */
const LARGEST_FALL = 2;
const LARGEST_CORRELATION_FALL = 1;
/** How fast the expected similarity follows what is seen, and the decision what is judged in one frame. */
const ADAPTATION = 0.15;
const PERSISTENCE = 0.35;
/** As in the default preset. */
const REFINEMENT = { iterations: 10, colourSigma: 0.025, smoothness: 4, evidence: 1 };

/**
 * Tells where something has come in front of an edit when there are no masks: there, the frame no longer looks like
 * what the first frame shows under the edit. Every place of the first frame is compared with what was usual for it in
 * the frames before, since light and pose change similarity slowly, and an occlusion at once.
 */
export class DescriptorVisibility {
	readonly #first: CellDescriptors;
	readonly #tolerance: number;
	/** [cells of the first frame] similarity that is usual there; NaN before the first look. */
	readonly #usual: Float32Array;
	/** [cells of the first frame] correlation of the patches that is usual there. */
	readonly #usualCorrelation: Float32Array;
	/** [cells of the first frame] 0..1 */
	readonly #visible: Float32Array;

	constructor(first: CellDescriptors) {
		this.#first = first;
		this.#tolerance = TOLERANCE * neighbourSimilarity(first).typicalDifference;
		this.#usual = new Float32Array(first.grid.height * first.grid.width).fill(Number.NaN);
		this.#usualCorrelation = new Float32Array(this.#usual.length).fill(Number.NaN);
		this.#visible = new Float32Array(this.#usual.length).fill(1);
	}

	/**
	 * Looks at one frame, in order.
	 *
	 * @param field where the frame's pixels come from, and how well they correlate with the first frame's
	 * @returns probabilities of being hidden (class 1) on the descriptor grid; undefined when all is in sight
	 */
	look(frame: CellDescriptors, field: CarriedField, size: Size): SoftLabels | undefined {
		const { grid } = frame;
		const hidden = new Float32Array(grid.height * grid.width);
		let most = 0;
		for (let row = 0; row < grid.height; row++) {
			const y = Math.round(pixelsFromCells(row, size.height, grid.height)) - field.top;
			if (y < 0 || y >= field.height) {
				continue;
			}
			for (let column = 0; column < grid.width; column++) {
				const x = Math.round(pixelsFromCells(column, size.width, grid.width)) - field.left;
				const fromX = x < 0 || x >= field.width ? Number.NaN : field.x[y * field.width + x]!;
				if (Number.isNaN(fromX)) {
					continue;
				}
				const cellX = cellsFromPixels(fromX, size.width, grid.width);
				const cellY = cellsFromPixels(field.y[y * field.width + x]!, size.height, grid.height);
				const cell = row * grid.width + column;
				const similarity = similarityTo(frame, cell, descriptorAt(this.#first, cellX, cellY));
				const correlation = field.values[y * field.width + x]!;
				hidden[cell] = 1 - this.#judge(similarity, correlation, cellX, cellY);
				most = Math.max(most, hidden[cell]!);
			}
		}
		if (most < 0.5) {
			return undefined;
		}
		const data = new Float32Array(hidden.length * 2);
		hidden.forEach((value, cell) => {
			data[cell * 2] = 1 - value;
			data[cell * 2 + 1] = value;
		});
		return { grid, ids: [0, 1], data };
	}

	/** Probability that a place of the first frame is in sight, given how much the frame looks like it. */
	#judge(similarity: number, correlation: number, x: number, y: number): number {
		const { width, height } = this.#first.grid;
		const place =
			Math.min(height - 1, Math.max(0, Math.round(y))) * width +
			Math.min(width - 1, Math.max(0, Math.round(x)));
		const usual = valueOr(this.#usual[place], similarity);
		const usualCorrelation = valueOr(this.#usualCorrelation[place], correlation);
		const fallOf = (before: number, now: number, tolerance: number, largest: number): number =>
			Math.min(largest, Math.max(0, (before - now) / tolerance));
		const fall =
			0.5 * fallOf(usual, similarity, this.#tolerance, LARGEST_FALL) +
			0.5 * fallOf(usualCorrelation, correlation, CORRELATION_TOLERANCE, LARGEST_CORRELATION_FALL);
		const judged = 1 / (1 + Math.exp((fall - HIDDEN_FALL) / SOFTNESS));
		const visible = PERSISTENCE * this.#visible[place]! + (1 - PERSISTENCE) * judged;
		this.#visible[place] = visible;
		const follow = judged > 0.5 ? ADAPTATION : 0;
		this.#usual[place] = usual + follow * (similarity - usual);
		this.#usualCorrelation[place] = usualCorrelation + follow * (correlation - usualCorrelation);
		return visible;
	}
}

const valueOr = (value: number | undefined, otherwise: number): number =>
	value === undefined || Number.isNaN(value) ? otherwise : value;

/**
 * Brings hidden cells to pixels, their borders on the edges of the image.
 *
 * @returns [field.height * field.width] 1 where the edit is in sight, 0 where it is hidden
 */
export const visibleAtPixels = (
	field: CarriedField,
	hidden: SoftLabels | undefined,
	image: Raster<3>,
): Float32Array => {
	const visible = new Float32Array(field.width * field.height).fill(1);
	if (hidden === undefined) {
		return visible;
	}
	const { ids } = refineLabels(hidden, image, REFINEMENT);
	for (let y = 0; y < field.height; y++) {
		for (let x = 0; x < field.width; x++) {
			visible[y * field.width + x] = 1 - softly(ids, image, field.left + x, field.top + y);
		}
	}
	return visible;
};

const kernel = [1, 2, 1];

/** Mean of ids 0 and 1 around a pixel (3 x 3, binomial). */
const softly = (ids: Uint8Array, { width, height }: GridSize, x: number, y: number): number => {
	let sum = 0;
	for (let dy = -1; dy <= 1; dy++) {
		const row = Math.min(height - 1, Math.max(0, y + dy)) * width;
		for (let dx = -1; dx <= 1; dx++) {
			const id = ids[row + Math.min(width - 1, Math.max(0, x + dx))]!;
			sum += kernel[dx + 1]! * kernel[dy + 1]! * id;
		}
	}
	return sum / 16;
};
