import type { LabImage } from './lab-image.js';
import type { RefinementSettings } from './settings.js';

/** Neighbours are taken in 8 directions at these distances, in pixels of the working image. */
const DISTANCES = [1, 2, 4, 8];
export const MAX_DISTANCE = Math.max(...DISTANCES);
const offsets: readonly (readonly [dy: number, dx: number])[] = DISTANCES.flatMap((d) =>
	[-d, 0, d]
		.flatMap((dy) => [-d, 0, d].map((dx) => [dy, dx] as const))
		.filter(([dy, dx]) => dy !== 0 || dx !== 0),
);
const NEIGHBOURS = offsets.length;

/** exp(-x) for x = 0..16, tabulated finely enough for weights; beyond it there is nothing left to add. */
const DECAY_STEPS = 256;
const DECAY_END = 16;
const decay = Float32Array.from({ length: DECAY_END * DECAY_STEPS + 1 }, (_, i) =>
	Math.exp(-i / DECAY_STEPS),
);

/**
 * Mean-field inference of a conditional random field whose unary term is the given probability and whose pairwise term
 * lets pixels of similar colour agree. Updates the objects' probabilities in place, at the band's pixels only.
 *
 * @param objects [pixels, count] probabilities of the objects; the background has the rest
 * @param band pixel numbers
 */
export const meanField = (
	objects: Float32Array,
	count: number,
	band: Int32Array,
	lab: LabImage,
	settings: RefinementSettings,
): void => {
	if (settings.iterations === 0) {
		return;
	}
	const affinity = affinities(band, lab, settings.colourSigma);
	const unary = new Float32Array(band.length * count);
	for (let i = 0; i < band.length; i++) {
		const from = (band[i] as number) * count;
		let background = 1;
		for (let c = 0; c < count; c++) {
			background -= objects[from + c] as number;
		}
		for (let c = 0; c < count; c++) {
			const odds = certain(objects[from + c] as number) / certain(background);
			unary[i * count + c] = settings.evidence * Math.log(odds);
		}
	}
	const step = count === 1 ? stepOfOne : stepOfMany;
	const field: Field = { objects, count, band, affinity, unary, smoothness: settings.smoothness };
	const moving = Int32Array.from(band, (_, i) => i);
	const next = new Float32Array(band.length * count);
	let left = moving.length;
	for (let iteration = 0; iteration < settings.iterations && left > 0; iteration++) {
		left = step(field, moving, left, next);
	}
};

/** A pixel whose probabilities changed by less than this in an iteration has arrived, and is left alone. */
const ARRIVED = 0.0005;

/** The propagated probability is never certain, so that an edge can still move it. */
const certain = (probability: number): number => Math.min(0.98, Math.max(0.02, probability));

type Affinities = {
	/** [band, NEIGHBOURS] pixel numbers. */
	readonly neighbours: Int32Array;
	/** [band, NEIGHBOURS]. */
	readonly weights: Float32Array;
	/** [band] sums of the weights; just below 1. */
	readonly sums: Float32Array;
};

type Field = {
	readonly objects: Float32Array;
	readonly count: number;
	readonly band: Int32Array;
	readonly affinity: Affinities;
	/** [band, count] */
	readonly unary: Float32Array;
	readonly smoothness: number;
};

/**
 * One iteration at some pixels of the band (the first `length` of `moving` are positions in it); moves those that are still moving
 * to the front, and returns how many they are. `next` is room for the new probabilities.
 */
type Step = (field: Field, moving: Int32Array, length: number, next: Float32Array) => number;

/** One object against the background: one sum and one sigmoid a pixel. */
const stepOfOne: Step = ({ objects, band, affinity, unary, smoothness }, moving, length, next) => {
	const { neighbours, weights, sums } = affinity;
	for (let m = 0; m < length; m++) {
		const i = moving[m] as number;
		let support = 0;
		const end = (i + 1) * NEIGHBOURS;
		for (let n = i * NEIGHBOURS; n < end; n++) {
			support += (weights[n] as number) * (objects[neighbours[n] as number] as number);
		}
		// The neighbours' support for the object, less that for the background.
		const margin = 2 * support - (sums[i] as number);
		next[m] = 1 / (1 + Math.exp(-(unary[i] as number) - smoothness * margin));
	}
	let left = 0;
	for (let m = 0; m < length; m++) {
		const i = moving[m] as number;
		const pixel = band[i] as number;
		const change = Math.abs((next[m] as number) - (objects[pixel] as number));
		objects[pixel] = next[m] as number;
		if (change > ARRIVED) {
			moving[left++] = i;
		}
	}
	return left;
};

const stepOfMany: Step = ({ objects, count, band, affinity, unary, smoothness }, moving, length, next) => {
	const { neighbours, weights, sums } = affinity;
	const support = new Float64Array(count);
	for (let m = 0; m < length; m++) {
		const i = moving[m] as number;
		support.fill(0);
		let all = 0;
		const end = (i + 1) * NEIGHBOURS;
		for (let n = i * NEIGHBOURS; n < end; n++) {
			const weight = weights[n] as number;
			const from = (neighbours[n] as number) * count;
			for (let c = 0; c < count; c++) {
				const value = weight * (objects[from + c] as number);
				support[c] = (support[c] as number) + value;
				all += value;
			}
		}
		const background = (sums[i] as number) - all;
		let total = 1;
		for (let c = 0; c < count; c++) {
			const margin = (support[c] as number) - background;
			const value = Math.exp((unary[i * count + c] as number) + smoothness * margin);
			next[m * count + c] = value;
			total += value;
		}
		for (let c = 0; c < count; c++) {
			next[m * count + c] = (next[m * count + c] as number) / total;
		}
	}
	let left = 0;
	for (let m = 0; m < length; m++) {
		const i = moving[m] as number;
		const to = (band[i] as number) * count;
		let change = 0;
		for (let c = 0; c < count; c++) {
			const value = next[m * count + c] as number;
			change = Math.max(change, Math.abs(value - (objects[to + c] as number)));
			objects[to + c] = value;
		}
		if (change > ARRIVED) {
			moving[left++] = i;
		}
	}
	return left;
};

const affinities = (band: Int32Array, { width, height, l, a, b }: LabImage, sigma: number): Affinities => {
	const neighbours = new Int32Array(band.length * NEIGHBOURS);
	const weights = new Float32Array(band.length * NEIGHBOURS);
	const sums = new Float32Array(band.length);
	const scale = DECAY_STEPS / (2 * sigma * sigma);
	const nearest = (ny: number, nx: number): number =>
		Math.min(height - 1, Math.max(0, ny)) * width + Math.min(width - 1, Math.max(0, nx));
	const dys = Int32Array.from(offsets, ([dy]) => dy);
	const dxs = Int32Array.from(offsets, ([, dx]) => dx);
	const steps = Int32Array.from(offsets, ([dy, dx]) => dy * width + dx);
	for (let i = 0; i < band.length; i++) {
		const pixel = band[i] as number;
		const y = Math.floor(pixel / width);
		const x = pixel - y * width;
		const pl = l[pixel] as number;
		const pa = a[pixel] as number;
		const pb = b[pixel] as number;
		const from = i * NEIGHBOURS;
		let total = 1e-4;
		const isInside =
			y >= MAX_DISTANCE && y < height - MAX_DISTANCE && x >= MAX_DISTANCE && x < width - MAX_DISTANCE;
		for (let n = 0; n < NEIGHBOURS; n++) {
			const near = isInside
				? pixel + (steps[n] as number)
				: nearest(y + (dys[n] as number), x + (dxs[n] as number));
			const dl = (l[near] as number) - pl;
			const da = (a[near] as number) - pa;
			const db = (b[near] as number) - pb;
			const at = ((dl * dl + da * da + db * db) * scale + 0.5) | 0;
			const weight = at < decay.length ? (decay[at] as number) : 0;
			neighbours[from + n] = near;
			weights[from + n] = weight;
			total += weight;
		}
		for (let n = from; n < from + NEIGHBOURS; n++) {
			weights[n] = (weights[n] as number) / total;
		}
		sums[i] = (total - 1e-4) / total;
	}
	return { neighbours, weights, sums };
};
