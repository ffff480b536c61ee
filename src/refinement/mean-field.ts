import type { LabImage } from './lab-image.js';
import { type QuadField, quadField } from './quad-field.js';
import { QUAD } from './quad-kernels.js';
import type { RefinementSettings } from './settings.js';

/**
 * Mean-field inference of a conditional random field whose unary term is the given probability and whose pairwise term
 * lets pixels of similar colour agree. Updates the objects' probabilities in place, at the band's pixels only.
 *
 * @param objects [count][pixels] probabilities of the objects; the background has the rest
 * @param band pixel numbers, ascending
 */
export const meanField = (
	objects: readonly Float32Array[],
	band: Int32Array,
	lab: LabImage,
	settings: RefinementSettings,
): void => {
	if (settings.iterations === 0 || band.length === 0 || objects.length === 0) {
		return;
	}
	const field = quadField(lab, band, objects, settings.colourSigma);
	const unary = unaryOf(field, settings.evidence);
	let left = field.moving.length;
	for (let iteration = 0; iteration < settings.iterations && left > 0; iteration++) {
		field.updateSupports(left);
		left = step(field, unary, settings.smoothness, left);
	}
	field.readBack();
};

/** A quad whose probabilities changed by less than this in an iteration has arrived, and is left alone. */
const ARRIVED = 0.0005;

/** The propagated probability is never certain, so that an edge can still move it. */
const certain = (probability: number): number => Math.min(0.98, Math.max(0.02, probability));

/** [quads, QUAD, count] logarithms of the objects' odds against the background; 0 outside the band. */
const unaryOf = ({ pixels, planes }: QuadField, evidence: number): Float32Array => {
	const count = planes.length;
	const unary = new Float32Array(pixels.length * count);
	pixels.forEach((pixel, i) => {
		if (pixel < 0) {
			return;
		}
		const background = planes.reduce((rest, plane) => rest - (plane[pixel] as number), 1);
		for (let c = 0; c < count; c++) {
			const odds = certain((planes[c] as Float32Array)[pixel] as number) / certain(background);
			unary[i * count + c] = evidence * Math.log(odds);
		}
	});
	return unary;
};

/** One iteration at the first `length` quads of `moving`, whose neighbours' support has been computed; moves those that still move to the front and returns how many. */
const step = (field: QuadField, unary: Float32Array, smoothness: number, length: number): number => {
	const { pixels, planes, sums, moving, supports } = field;
	const count = planes.length;
	const values = new Float64Array(count);
	let left = 0;
	for (let m = 0; m < length; m++) {
		const quad = moving[m] as number;
		let change = 0;
		for (let lane = 0; lane < QUAD; lane++) {
			const at = quad * QUAD + lane;
			const pixel = pixels[at] as number;
			if (pixel < 0) {
				continue;
			}
			let background = sums[at] as number;
			for (let c = 0; c < count; c++) {
				background -= (supports[c] as Float32Array)[m * QUAD + lane] as number;
			}
			let total = 1;
			for (let c = 0; c < count; c++) {
				const margin = ((supports[c] as Float32Array)[m * QUAD + lane] as number) - background;
				const value = Math.exp((unary[at * count + c] as number) + smoothness * margin);
				values[c] = value;
				total += value;
			}
			for (let c = 0; c < count; c++) {
				const plane = planes[c] as Float32Array;
				const value = (values[c] as number) / total;
				change = Math.max(change, Math.abs(value - (plane[pixel] as number)));
				plane[pixel] = value;
			}
		}
		if (change > ARRIVED) {
			field.keep(m, left++);
		}
	}
	return left;
};
