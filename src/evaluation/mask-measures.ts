import type { LabelMap } from '../core/frame.js';

/** One object's mask: 1 inside, 0 outside; rows top to bottom. */
export type BinaryMask = {
	readonly width: number;
	readonly height: number;
	/** `height * width` values, 0 or 1. */
	readonly data: Uint8Array;
};

/** Ids without the palette: all that a metric needs. */
export type Labels = Pick<LabelMap, 'width' | 'height' | 'ids'>;

/** DAVIS marks pixels that count neither way with this id. */
export const voidId = 255;

/**
 * The mask of one object.
 *
 * @param ignore labels of the same size; where they are {@link voidId} the mask is 0. Given to the truth's and the
 * result's mask alike, this takes those pixels out of both metrics, as the official evaluation does.
 */
export const objectMask = (labels: Labels, id: number, ignore?: Labels): BinaryMask => {
	const { width, height, ids } = labels;
	const data = new Uint8Array(width * height);
	for (let i = 0; i < data.length; i++) {
		data[i] = ids[i] === id && ignore?.ids[i] !== voidId ? 1 : 0;
	}
	return { width, height, data };
};

/** Boundary tolerance as a share of the image diagonal (`bound_th` of davis2017-evaluation). */
const toleranceShare = 0.008;

/** Radius in pixels within which two boundary pixels match: 8 at 854 x 480. */
export const boundaryTolerance = (width: number, height: number): number =>
	Math.ceil(toleranceShare * Math.hypot(width, height));

/**
 * Indices of the pixels that differ from their right, lower or lower-right neighbour: a boundary one pixel wide,
 * half a pixel towards the origin from the true one. In the last row only the right neighbour counts, in the last
 * column only the lower one, and the last pixel is never boundary (`_seg2bmap` of davis2017-evaluation).
 */
export const boundaryPixels = ({ width, height, data }: BinaryMask): number[] => {
	const pixels: number[] = [];
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const i = y * width + x;
			const self = data[i];
			const right = x + 1 < width;
			const below = y + 1 < height;
			if (
				(right && data[i + 1] !== self) ||
				(below && data[i + width] !== self) ||
				(right && below && data[i + width + 1] !== self)
			) {
				pixels.push(i);
			}
		}
	}
	return pixels;
};

/**
 * The disk's rows as runs: `runs[dy + radius]` is the half width of the row `dy` below the centre. Filling runs around
 * the few boundary pixels costs far less than sliding the disk over every pixel of the image.
 */
const diskRuns = (radius: number): number[] => {
	const runs: number[] = [];
	for (let dy = -radius; dy <= radius; dy++) {
		runs.push(Math.floor(Math.sqrt(radius * radius - dy * dy)));
	}
	return runs;
};

/** 1 within `radius` (Euclidean, inclusive) of one of the pixels, else 0. */
export const dilatePixels = (
	pixels: readonly number[],
	width: number,
	height: number,
	radius: number,
): Uint8Array => {
	const dilated = new Uint8Array(width * height);
	const runs = diskRuns(radius);
	for (const pixel of pixels) {
		const x = pixel % width;
		const y = (pixel - x) / width;
		for (const [row, halfWidth] of runs.entries()) {
			const yy = y + row - radius;
			if (yy >= 0 && yy < height) {
				const start = yy * width;
				dilated.fill(1, start + Math.max(0, x - halfWidth), start + Math.min(width, x + halfWidth + 1));
			}
		}
	}
	return dilated;
};

const matchedShare = (pixels: readonly number[], near: Uint8Array): number =>
	pixels.reduce((count, pixel) => count + (near[pixel] ?? 0), 0) / pixels.length;

/**
 * Contour accuracy F of the DAVIS benchmark: the harmonic mean of boundary precision and recall, where a boundary
 * pixel matches when one of the other mask's boundary pixels lies within 0.008 of the image diagonal
 * (`db_eval_boundary` of davis2017-evaluation).
 */
export const contourAccuracy = (truth: BinaryMask, result: BinaryMask): number => {
	const { width, height } = truth;
	const truthBoundary = boundaryPixels(truth);
	const resultBoundary = boundaryPixels(result);
	if (truthBoundary.length === 0 || resultBoundary.length === 0) {
		// The official code gives the empty side a share of 1 and the other 0; their harmonic mean is 0 unless both are empty.
		return truthBoundary.length === resultBoundary.length ? 1 : 0;
	}
	const radius = boundaryTolerance(width, height);
	const precision = matchedShare(resultBoundary, dilatePixels(truthBoundary, width, height, radius));
	const recall = matchedShare(truthBoundary, dilatePixels(resultBoundary, width, height, radius));
	return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
};

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
