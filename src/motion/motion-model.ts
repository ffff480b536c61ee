import { Matrix, solve } from 'ml-matrix';
import { randomFrom } from '../core/random.js';

/** How an object moves as a whole, from the first frame to another: a plane seen in perspective, or an affine map. */
export type MotionKind = 'affine' | 'planar';

/**
 * Nine numbers of a 3 x 3 matrix by rows, the last one 1. Coordinates are taken relative to a centre and divided by a
 * scale, both kept by whoever uses the model, so that all numbers are of one size.
 */
export type Motion = Float64Array;

export const identityMotion = (): Motion => Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);

/** The parameters from this one on are those that an affine map does not have. */
export const FIRST_PERSPECTIVE = 6;

export const parameterCount = (kind: MotionKind): number => (kind === 'affine' ? 6 : 8);

export type Point = { readonly x: number; readonly y: number };

export const applyMotion = (m: Motion, x: number, y: number): Point => {
	const w = m[6]! * x + m[7]! * y + 1;
	return {
		x: (m[0]! * x + m[1]! * y + m[2]!) / w,
		y: (m[3]! * x + m[4]! * y + m[5]!) / w,
	};
};

/** Derivatives of the moved point with respect to x and y: [dX/dx, dX/dy, dY/dx, dY/dy]. */
export const linearPart = (m: Motion, x: number, y: number): readonly [number, number, number, number] => {
	const w = m[6]! * x + m[7]! * y + 1;
	const to = applyMotion(m, x, y);
	return [
		(m[0]! - to.x * m[6]!) / w,
		(m[1]! - to.x * m[7]!) / w,
		(m[3]! - to.y * m[6]!) / w,
		(m[4]! - to.y * m[7]!) / w,
	];
};

/** Derivatives of the moved point with respect to the parameters: a row for X and one for Y. */
export const parameterJacobian = (
	kind: MotionKind,
	m: Motion,
	x: number,
	y: number,
): readonly [readonly number[], readonly number[]] => {
	const w = m[6]! * x + m[7]! * y + 1;
	const to = applyMotion(m, x, y);
	const forX = [x / w, y / w, 1 / w, 0, 0, 0];
	const forY = [0, 0, 0, x / w, y / w, 1 / w];
	return kind === 'affine'
		? [forX, forY]
		: [
				[...forX, (-x * to.x) / w, (-y * to.x) / w],
				[...forY, (-x * to.y) / w, (-y * to.y) / w],
			];
};

/** One motion, and then an affine one. */
export const thenAffine = (first: Motion, [a, b, c, d, e, f]: Motion): Motion => {
	const row = (x = 0, y = 0, one = 0) =>
		[0, 1, 2].map((at) => x * first[at]! + y * first[3 + at]! + one * first[6 + at]!);
	return Float64Array.of(...row(a, b, c), ...row(d, e, f), ...first.subarray(6));
};

/** The motion after a step in its parameters. */
export const stepMotion = (m: Motion, step: readonly number[]): Motion =>
	m.map((value, at) => value + (at < step.length ? step[at]! : 0));

/** Points of the first frame and where they were found, with weights. */
export type Matches = {
	readonly fromX: Float64Array;
	readonly fromY: Float64Array;
	readonly toX: Float64Array;
	readonly toY: Float64Array;
	readonly weight: Float64Array;
};

/** Prior on the parameters that bend and stretch: few or clustered points must not make up a motion. */
const RIDGE = 1e-4;

/** The affine map of weighted least squares. */
const fitAffine = (matches: Matches, around: Motion): Motion => {
	const count = parameterCount('affine');
	const normal = Matrix.zeros(count, count);
	const right = Matrix.zeros(count, 1);
	let total = 0;
	for (let i = 0; i < matches.weight.length; i++) {
		const weight = matches.weight[i]!;
		if (weight <= 0) {
			continue;
		}
		total += weight;
		const [x, y] = [matches.fromX[i]!, matches.fromY[i]!];
		const [X, Y] = [matches.toX[i]!, matches.toY[i]!];
		addEquation(normal, right, [x, y, 1, 0, 0, 0], X, weight);
		addEquation(normal, right, [0, 0, 0, x, y, 1], Y, weight);
	}
	return solveAround(normal, right, around, count, total);
};

const addEquation = (
	normal: Matrix,
	right: Matrix,
	row: readonly number[],
	value: number,
	weight: number,
): void => {
	for (let a = 0; a < row.length; a++) {
		const scaled = weight * row[a]!;
		right.set(a, 0, right.get(a, 0) + scaled * value);
		for (let b = 0; b < row.length; b++) {
			normal.set(a, b, normal.get(a, b) + scaled * row[b]!);
		}
	}
};

const solveAround = (normal: Matrix, right: Matrix, around: Motion, count: number, total: number): Motion => {
	const ridge = RIDGE * total + 1e-9;
	for (let a = 0; a < count; a++) {
		const own = a === 2 || a === 5 ? 0.01 * ridge : ridge;
		normal.set(a, a, normal.get(a, a) + own);
		right.set(a, 0, right.get(a, 0) + own * around[a]!);
	}
	const solution = solve(normal, right);
	const motion = identityMotion();
	for (let a = 0; a < count; a++) {
		motion[a] = solution.get(a, 0);
	}
	return motion;
};

const TRIALS = 120;
/** Matches that determine an affine map. */
const SAMPLE = 3;

/**
 * The affine map that most matches agree with (RANSAC), then fitted to those that agree (three rounds of least squares with
 * Cauchy weights).
 *
 * @param tolerance distance at which a match no longer agrees, in the model's units
 * @param around what is returned, nearly, where the matches say nothing
 */
export const fitRobustly = (matches: Matches, tolerance: number, around: Motion): Motion => {
	const usable = [...matches.weight.keys()].filter((i) => matches.weight[i]! > 0);
	if (usable.length < SAMPLE) {
		return around;
	}
	let best = around;
	let bestScore = agreementWith(around, matches, tolerance);
	// The same clip must give the same bytes.
	const random = randomFrom(usable.length);
	for (let trial = 0; trial < TRIALS && usable.length > SAMPLE; trial++) {
		const weight = new Float64Array(matches.weight.length);
		for (let k = 0; k < SAMPLE; k++) {
			const pick = usable[Math.floor(random() * usable.length)]!;
			weight[pick] = 1;
		}
		const candidate = fitAffine({ ...matches, weight }, around);
		const score = agreementWith(candidate, matches, tolerance);
		if (score > bestScore) {
			[best, bestScore] = [candidate, score];
		}
	}
	for (let round = 0; round < 3; round++) {
		const motion = best;
		const weight = matches.weight.map((own, i) => {
			const distance = distanceOf(motion, matches, i) / tolerance;
			return own / (1 + (2 * distance) ** 2) ** 2;
		});
		best = fitAffine({ ...matches, weight }, around);
	}
	return best;
};

/** Of one frame against the one before, for matches that are good to a thousandth of the extent. */
const PERSPECTIVE_PRIOR = 0.0025;

/**
 * A perspective map fitted to matches (five rounds of Gauss-Newton with Cauchy weights), from a map that is nearly right.
 *
 * @param tolerance distance at which a match hardly counts any more, in the model's units
 * @param before whose perspective is kept as far as the matches say little of it
 */
export const fitPlane = (matches: Matches, tolerance: number, start: Motion, before: Motion): Motion => {
	const count = parameterCount('planar');
	let motion = start;
	for (let round = 0; round < 5; round++) {
		const normal = Matrix.zeros(count, count);
		const right = Matrix.zeros(count, 1);
		let total = 0;
		for (let i = 0; i < matches.weight.length; i++) {
			const distance = distanceOf(motion, matches, i) / tolerance;
			const weight = matches.weight[i]! / (1 + distance * distance) ** 2;
			if (weight <= 0) {
				continue;
			}
			total += weight;
			const [x, y] = [matches.fromX[i]!, matches.fromY[i]!];
			const to = applyMotion(motion, x, y);
			const [forX, forY] = parameterJacobian('planar', motion, x, y);
			addEquation(normal, right, forX, matches.toX[i]! - to.x, weight);
			addEquation(normal, right, forY, matches.toY[i]! - to.y, weight);
		}
		for (let a = 0; a < count; a++) {
			normal.set(a, a, normal.get(a, a) + 1e-6 * total + 1e-12);
		}
		for (let a = FIRST_PERSPECTIVE; a < count; a++) {
			normal.set(a, a, normal.get(a, a) + PERSPECTIVE_PRIOR);
			right.set(a, 0, right.get(a, 0) + PERSPECTIVE_PRIOR * (before[a]! - motion[a]!));
		}
		motion = stepMotion(motion, solve(normal, right).to1DArray());
	}
	return motion;
};

const distanceOf = (motion: Motion, { fromX, fromY, toX, toY }: Matches, i: number): number => {
	const to = applyMotion(motion, fromX[i]!, fromY[i]!);
	return Math.hypot(to.x - toX[i]!, to.y - toY[i]!);
};

const agreementWith = (motion: Motion, matches: Matches, tolerance: number): number => {
	let score = 0;
	for (let i = 0; i < matches.weight.length; i++) {
		const distance = distanceOf(motion, matches, i) / tolerance;
		score += matches.weight[i]! * Math.max(0, 1 - distance * distance);
	}
	return score;
};
