import { Matrix, solve } from 'ml-matrix';
import type { LumaPlane, LumaPyramid } from '../motion/luma-pyramid.js';
import { sampleAt } from '../motion/patch-alignment.js';

/** Where the middle of a template is in a frame, in pixels, and how its surroundings are turned and stretched there. */
export type Warp = {
	readonly x: number;
	readonly y: number;
	/** dX/dx, dX/dy, dY/dx, dY/dy with respect to the frame of the template. */
	readonly linear: readonly [number, number, number, number];
};

export const UPRIGHT = [1, 0, 0, 1] as const;

/** The surroundings of a point in one frame, at every level of its pyramid. */
export type Template = {
	/** [levels][SIDE * SIDE] brightness; NaN outside the frame. */
	readonly levels: readonly Float32Array[];
};

/** How well a frame looks like a template around a place. */
export type Likeness = {
	/** -1..1: correlation of the patch, and of one twice as large. */
	readonly correlation: number;
	readonly wideCorrelation: number;
	/** Root of the mean squared difference around the middle, in levels, brightness and contrast of the patch aligned. */
	readonly difference: number;
	/** Standard deviation of the template around its middle, in levels: what differences are to be compared with. */
	readonly contrast: number;
};

/** Samples to each side of a point. */
const REACH = 8;
const SIDE = 2 * REACH + 1;
const SAMPLES = SIDE * SIDE;
/** Levels by which two images of the same thing differ: codec noise, and what a patch's motion leaves over. */
const NOISE = 2;
const STEPS = 8;
/** Beyond this step, in pixels of a level, linearisation means nothing. */
const LONGEST_STEP = 3;
const CONVERGED = 0.01;
/** Of a step's translation, as a share of what the image says of it. */
const DAMPING = 1e-4;
/** From frame to frame, the edge of a patch turns and stretches by about so many pixels. */
const BEND_SIGMA = 0.5;
/** Samples count less away from the point: what is there may be something else. */
const WINDOW_SIGMA = 0.55 * REACH;
const MIDDLE_SIGMA = 2.5;

const gaussian = (sigma: number): Float32Array =>
	Float32Array.from({ length: SAMPLES }, (_, k) => {
		const [u, v] = [(k % SIDE) - REACH, Math.floor(k / SIDE) - REACH];
		return Math.exp(-(u * u + v * v) / (2 * sigma * sigma));
	});
const windowWeights = gaussian(WINDOW_SIGMA);
const middleWeights = gaussian(MIDDLE_SIGMA);

// One at a time is aligned, and there are many: nothing is allocated for each.
const sample = new Float64Array(3);
const values = new Float64Array(SAMPLES);
const gradientX = new Float64Array(SAMPLES);
const gradientY = new Float64Array(SAMPLES);
const errors = new Float64Array(SAMPLES);
const trusts = new Float64Array(SAMPLES);

export const takeTemplate = (pyramid: LumaPyramid, x: number, y: number): Template => ({
	levels: pyramid.map((plane, level) => {
		readPatch(plane, level, { x, y, linear: UPRIGHT });
		return Float32Array.from(values);
	}),
});

/** Fills `values` and the gradients; NaN outside the frame. */
const readPatch = (plane: LumaPlane, level: number, { x, y, linear: [a, b, c, d] }: Warp): void => {
	const scale = 2 ** level;
	for (let v = -REACH, k = 0; v <= REACH; v++) {
		for (let u = -REACH; u <= REACH; u++, k++) {
			const [du, dv] = [u * scale, v * scale];
			if (sampleAt(plane, x + a * du + b * dv, y + c * du + d * dv, scale, sample)) {
				values[k] = sample[0]!;
				gradientX[k] = sample[1]!;
				gradientY[k] = sample[2]!;
			} else {
				values[k] = Number.NaN;
			}
		}
	}
};

/** Brightness and contrast that bring the template to what was read. */
type Exposure = {
	readonly meanFrom: number;
	readonly meanTo: number;
	readonly gain: number;
	readonly correlation: number;
};

const exposureOf = (from: Float32Array, weights: Float32Array): Exposure | undefined => {
	let [total, meanFrom, meanTo, count] = [0, 0, 0, 0];
	for (let k = 0; k < SAMPLES; k++) {
		const [a, b, w] = [from[k]!, values[k]!, weights[k]!];
		if (!Number.isNaN(a + b)) {
			total += w;
			meanFrom += w * a;
			meanTo += w * b;
			count++;
		}
	}
	if (count < SAMPLES / 4) {
		return undefined;
	}
	meanFrom /= total;
	meanTo /= total;
	let [aa, bb, ab] = [0, 0, 0];
	for (let k = 0; k < SAMPLES; k++) {
		const [a, b, w] = [from[k]! - meanFrom, values[k]! - meanTo, weights[k]!];
		if (!Number.isNaN(a + b)) {
			aa += w * a * a;
			bb += w * b * b;
			ab += w * a * b;
		}
	}
	// Without contrast, noise would be stretched to look like anything.
	const floor = 0.25 * NOISE * NOISE * total;
	return {
		...{ meanFrom, meanTo },
		gain: Math.min(3, Math.max(1 / 3, (ab + floor) / (aa + floor))),
		correlation: ab / Math.sqrt((aa + floor) * (bb + floor)),
	};
};

/**
 * Moves a warp until the frame looks there as the template does (Lucas & Kanade 1981, coarse to fine, brightness and contrast
 * aligned, differences weighted so that what comes in front of a part of the patch counts little).
 *
 * @param levels how many, the coarsest first
 * @param bends whether the linear part is aligned too, at full size
 * @returns undefined where the frame does not show enough of it
 */
export const alignTemplate = (
	template: Template,
	pyramid: LumaPyramid,
	start: Warp,
	{ levels, bends }: { readonly levels: number; readonly bends: boolean },
): Warp | undefined => {
	let warp = start;
	for (let level = Math.min(levels, pyramid.length) - 1; level > 0; level--) {
		// Coarse levels reach far: at the border they may have nothing to see where the finer ones still do.
		warp = alignLevel(template, pyramid, level, warp, movingStep) ?? warp;
	}
	const moved = alignLevel(template, pyramid, 0, warp, movingStep);
	return bends && moved !== undefined ? alignLevel(template, pyramid, 0, moved, bendingStep) : moved;
};

/** @param stepOf what `values`, `errors` and `trusts` say: x, y, and perhaps the linear part by rows, in pixels at the patch's edge */
const alignLevel = (
	{ levels }: Template,
	pyramid: LumaPyramid,
	level: number,
	start: Warp,
	stepOf: (warp: Warp, start: Warp) => readonly number[],
): Warp | undefined => {
	const scale = 2 ** level;
	const from = levels[level]!;
	let warp = start;
	for (let step = 0; step < STEPS; step++) {
		readPatch(pyramid[level]!, level, warp);
		const exposure = exposureOf(from, windowWeights);
		if (exposure === undefined) {
			return undefined;
		}
		compare(from, exposure);
		const change = stepOf(warp, start);
		const longest = Math.max(...change.map(Math.abs));
		const share = Math.min(1, (LONGEST_STEP * scale) / longest);
		const [dx = 0, dy = 0, da = 0, db = 0, dc = 0, dd = 0] = change.map((value) => value * share);
		const [a, b, c, d] = warp.linear;
		warp = {
			x: warp.x + dx,
			y: warp.y + dy,
			linear: [a + da / REACH, b + db / REACH, c + dc / REACH, d + dd / REACH],
		};
		if (longest < CONVERGED * scale) {
			break;
		}
	}
	return warp;
};

/** Fills `errors`, and `trusts`: where something else is in front, differences are large, and say nothing of the motion. */
const compare = (from: Float32Array, { meanFrom, meanTo, gain }: Exposure): void => {
	let [sum, total] = [0, 0];
	for (let k = 0; k < SAMPLES; k++) {
		const e = gain * (from[k]! - meanFrom) - (values[k]! - meanTo);
		const isKnown = !Number.isNaN(e);
		errors[k] = isKnown ? e : 0;
		trusts[k] = isKnown ? windowWeights[k]! / (NOISE * NOISE) : 0;
		sum += isKnown ? windowWeights[k]! * e * e : 0;
		total += isKnown ? windowWeights[k]! : 0;
	}
	const spread = 4 * Math.max(NOISE * NOISE, sum / total);
	for (let k = 0; k < SAMPLES; k++) {
		trusts[k]! /= 1 + errors[k]! ** 2 / spread;
	}
};

const movingStep = (): readonly number[] => {
	let [xx, xy, yy, rx, ry] = [0, 0, 0, 0, 0];
	for (let k = 0; k < SAMPLES; k++) {
		const [w, e] = [trusts[k]!, errors[k]!];
		if (w > 0) {
			const [gx, gy] = [gradientX[k]!, gradientY[k]!];
			xx += w * gx * gx;
			xy += w * gx * gy;
			yy += w * gy * gy;
			rx += w * gx * e;
			ry += w * gy * e;
		}
	}
	const damping = DAMPING * (xx + yy) + 1e-6;
	xx += damping;
	yy += damping;
	const determinant = xx * yy - xy * xy;
	return [(yy * rx - xy * ry) / determinant, (xx * ry - xy * rx) / determinant];
};

const bendingStep = ({ linear }: Warp, start: Warp): readonly number[] => {
	const normal = new Float64Array(36);
	const right = new Float64Array(6);
	const row = new Float64Array(6);
	for (let v = -REACH, k = 0; v <= REACH; v++) {
		for (let u = -REACH; u <= REACH; u++, k++) {
			const [w, e] = [trusts[k]!, errors[k]!];
			if (w === 0) {
				continue;
			}
			const [gx, gy] = [gradientX[k]!, gradientY[k]!];
			// In units of the patch, so that all parameters are pixels at its edge.
			const [pu, pv] = [u / REACH, v / REACH];
			row[0] = gx;
			row[1] = gy;
			row[2] = gx * pu;
			row[3] = gx * pv;
			row[4] = gy * pu;
			row[5] = gy * pv;
			for (let i = 0; i < 6; i++) {
				const scaled = w * row[i]!;
				right[i]! += scaled * e;
				for (let j = i; j < 6; j++) {
					normal[i * 6 + j]! += scaled * row[j]!;
				}
			}
		}
	}
	const trace = normal[0]! + normal[7]!;
	const matrix = new Matrix(6, 6);
	for (let i = 0; i < 6; i++) {
		for (let j = 0; j < 6; j++) {
			matrix.set(i, j, normal[Math.min(i, j) * 6 + Math.max(i, j)]!);
		}
		if (i < 2) {
			matrix.set(i, i, matrix.get(i, i) + DAMPING * trace + 1e-6);
		} else {
			const prior = 1 / (BEND_SIGMA * BEND_SIGMA);
			matrix.set(i, i, matrix.get(i, i) + prior);
			const bent = REACH * (linear[i - 2]! - start.linear[i - 2]!);
			right[i]! -= prior * bent;
		}
	}
	return solve(matrix, Matrix.columnVector(right)).to1DArray();
};

/** @returns undefined where the frame does not show the place */
export const likenessAt = (template: Template, pyramid: LumaPyramid, warp: Warp): Likeness | undefined => {
	const wideFrom = template.levels[1] ?? template.levels[0]!;
	const wideLevel = template.levels[1] === undefined ? 0 : 1;
	readPatch(pyramid[wideLevel]!, wideLevel, warp);
	const wide = exposureOf(wideFrom, windowWeights);
	const from = template.levels[0]!;
	readPatch(pyramid[0]!, 0, warp);
	const exposure = exposureOf(from, windowWeights);
	if (exposure === undefined || Number.isNaN(values[(SAMPLES - 1) / 2])) {
		return undefined;
	}
	const { meanFrom, meanTo, gain, correlation } = exposure;
	let [sum, spread, total] = [0, 0, 0];
	for (let k = 0; k < SAMPLES; k++) {
		const a = from[k]! - meanFrom;
		const e = gain * a - (values[k]! - meanTo);
		if (!Number.isNaN(e)) {
			const w = middleWeights[k]!;
			sum += w * e * e;
			spread += w * gain * gain * a * a;
			total += w;
		}
	}
	return {
		...{ correlation, wideCorrelation: wide?.correlation ?? correlation },
		...{ difference: Math.sqrt(sum / total), contrast: Math.sqrt(spread / total) },
	};
};
