import { Matrix, solve } from 'ml-matrix';
import type { LumaPlane, LumaPyramid } from '../edits/luma-pyramid.js';
import { sampleAt } from '../edits/patch-alignment.js';

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
	/** -1..1: correlation of the whole patch. */
	readonly correlation: number;
	/** Root of the mean squared difference around the middle, in levels, overall brightness and contrast aligned. */
	readonly difference: number;
	/** Standard deviation of the template around its middle, in levels: what differences are to be compared with. */
	readonly contrast: number;
};

/** Samples to each side of a point. */
const REACH = 8;
const SIDE = 2 * REACH + 1;
const SAMPLES = SIDE * SIDE;
/** Levels by which two images of the same thing differ: codec noise, and what a patch's motion leaves over. */
const NOISE = 4;
const STEPS = 8;
/** Beyond this step, in pixels of a level, linearisation means nothing. */
const LONGEST_STEP = 3;
const CONVERGED = 0.01;
/** Of a step's translation, and of its turning and stretching, as a share of what the image says on average. */
const DAMPING = 1e-4;
const LINEAR_PRIOR = 0.02;
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
				values[k] = sample[0] as number;
				gradientX[k] = sample[1] as number;
				gradientY[k] = sample[2] as number;
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
		const [a, b, w] = [from[k] as number, values[k] as number, weights[k] as number];
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
		const [a, b, w] = [(from[k] as number) - meanFrom, (values[k] as number) - meanTo, weights[k] as number];
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

/** What a step is to be, besides what the images say: a place that is likely, and how much so, 1 / px². */
export type Pull = { readonly x: number; readonly y: number; readonly weight: number };

/**
 * Moves a warp until the frame looks there as the template does (Lucas & Kanade 1981, coarse to fine, brightness and contrast
 * aligned, differences weighted so that what comes in front of a part of the patch counts little).
 *
 * @param levels from the coarsest to be used, down to 0
 * @param bends whether the linear part is aligned too, at the finest level
 * @returns undefined where the point has left the frame
 */
export const alignTemplate = (
	template: Template,
	pyramid: LumaPyramid,
	start: Warp,
	{
		levels,
		bends,
		pull,
	}: { readonly levels: number; readonly bends: boolean; readonly pull?: Pull | undefined },
): Warp | undefined => {
	let warp = start;
	for (let level = Math.min(levels, pyramid.length, template.levels.length) - 1; level >= 0; level--) {
		const moved = alignLevel(
			template.levels[level] as Float32Array,
			pyramid[level] as LumaPlane,
			level,
			warp,
			pull,
			false,
		);
		const bent =
			bends && level === 0 && moved !== undefined
				? alignLevel(template.levels[0] as Float32Array, pyramid[0] as LumaPlane, 0, moved, pull, true)
				: moved;
		if (bent === undefined) {
			// Coarse levels reach far: at the border they may have nothing to see, where the finer ones still do.
			if (level === 0) {
				return undefined;
			}
			continue;
		}
		warp = bent;
	}
	return warp;
};

const alignLevel = (
	from: Float32Array,
	plane: LumaPlane,
	level: number,
	start: Warp,
	pull: Pull | undefined,
	bends: boolean,
): Warp | undefined => {
	const scale = 2 ** level;
	let warp = start;
	for (let step = 0; step < STEPS; step++) {
		readPatch(plane, level, warp);
		const exposure = exposureOf(from, windowWeights);
		if (exposure === undefined) {
			return undefined;
		}
		const change = bends ? bendingStep(from, exposure) : movingStep(from, exposure, warp, pull);
		const longest = Math.max(...change.map(Math.abs));
		const share = Math.min(1, (LONGEST_STEP * scale) / longest);
		const [dx, dy, da = 0, db = 0, dc = 0, dd = 0] = change.map((value) => value * share);
		const [a, b, c, d] = warp.linear;
		warp = {
			x: warp.x + (dx as number),
			y: warp.y + (dy as number),
			linear: [a + da / REACH, b + db / REACH, c + dc / REACH, d + dd / REACH],
		};
		if (longest < CONVERGED * scale) {
			break;
		}
	}
	return warp;
};

/** Weights of the samples' differences: where something else is in front, they are large, and say nothing of the motion. */
const robustness = (
	from: Float32Array,
	{ meanFrom, meanTo, gain }: Exposure,
): ((k: number) => readonly [weight: number, error: number]) => {
	const errorAt = (k: number): number =>
		gain * ((from[k] as number) - meanFrom) - ((values[k] as number) - meanTo);
	let [sum, total] = [0, 0];
	for (let k = 0; k < SAMPLES; k++) {
		const e = errorAt(k);
		if (!Number.isNaN(e)) {
			sum += (windowWeights[k] as number) * e * e;
			total += windowWeights[k] as number;
		}
	}
	const spread = 4 * Math.max(NOISE * NOISE, sum / total);
	return (k) => {
		const e = errorAt(k);
		return !Number.isNaN(e)
			? [(windowWeights[k] as number) / (1 + (e * e) / spread) / (NOISE * NOISE), e]
			: [0, 0];
	};
};

const movingStep = (
	from: Float32Array,
	exposure: Exposure,
	{ x, y }: Warp,
	pull: Pull | undefined,
): number[] => {
	const weigh = robustness(from, exposure);
	let [xx, xy, yy, rx, ry] = [0, 0, 0, 0, 0];
	for (let k = 0; k < SAMPLES; k++) {
		const [w, e] = weigh(k);
		if (w > 0) {
			const [gx, gy] = [gradientX[k] as number, gradientY[k] as number];
			xx += w * gx * gx;
			xy += w * gx * gy;
			yy += w * gy * gy;
			rx += w * gx * e;
			ry += w * gy * e;
		}
	}
	const damping = DAMPING * (xx + yy) + 1e-6;
	const hold = pull?.weight ?? 0;
	xx += damping + hold;
	yy += damping + hold;
	rx += hold * ((pull?.x ?? x) - x);
	ry += hold * ((pull?.y ?? y) - y);
	const determinant = xx * yy - xy * xy;
	return [(yy * rx - xy * ry) / determinant, (xx * ry - xy * rx) / determinant];
};

const bendingStep = (from: Float32Array, exposure: Exposure): number[] => {
	const weigh = robustness(from, exposure);
	const normal = new Float64Array(36);
	const right = new Float64Array(6);
	const row = new Float64Array(6);
	for (let v = -REACH, k = 0; v <= REACH; v++) {
		for (let u = -REACH; u <= REACH; u++, k++) {
			const [w, e] = weigh(k);
			if (w === 0) {
				continue;
			}
			const [gx, gy] = [gradientX[k] as number, gradientY[k] as number];
			// In units of the patch, so that all parameters are pixels at its edge.
			const [pu, pv] = [u / REACH, v / REACH];
			row[0] = gx;
			row[1] = gy;
			row[2] = gx * pu;
			row[3] = gx * pv;
			row[4] = gy * pu;
			row[5] = gy * pv;
			for (let i = 0; i < 6; i++) {
				const scaled = w * (row[i] as number);
				right[i] = (right[i] as number) + scaled * e;
				for (let j = i; j < 6; j++) {
					normal[i * 6 + j] = (normal[i * 6 + j] as number) + scaled * (row[j] as number);
				}
			}
		}
	}
	const trace = (normal[0] as number) + (normal[7] as number);
	const matrix = new Matrix(6, 6);
	for (let i = 0; i < 6; i++) {
		for (let j = 0; j < 6; j++) {
			matrix.set(i, j, normal[Math.min(i, j) * 6 + Math.max(i, j)] as number);
		}
		matrix.set(i, i, matrix.get(i, i) + (i < 2 ? DAMPING : LINEAR_PRIOR) * trace + 1e-6);
	}
	return solve(matrix, Matrix.columnVector(right)).to1DArray();
};

/** @returns undefined where the frame does not show the place */
export const likenessAt = (template: Template, pyramid: LumaPyramid, warp: Warp): Likeness | undefined => {
	const from = template.levels[0] as Float32Array;
	readPatch(pyramid[0] as LumaPlane, 0, warp);
	const exposure = exposureOf(from, windowWeights);
	if (exposure === undefined) {
		return undefined;
	}
	const { meanFrom, meanTo, gain, correlation } = exposure;
	let [sum, spread, total] = [0, 0, 0];
	for (let k = 0; k < SAMPLES; k++) {
		const a = (from[k] as number) - meanFrom;
		const e = gain * a - ((values[k] as number) - meanTo);
		if (!Number.isNaN(e)) {
			const w = middleWeights[k] as number;
			sum += w * e * e;
			spread += w * gain * gain * a * a;
			total += w;
		}
	}
	return total === 0
		? undefined
		: { correlation, difference: Math.sqrt(sum / total), contrast: Math.sqrt(spread / total) };
};
