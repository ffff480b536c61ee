/**
 * A guided filter (He, Sun & Tang, "Guided Image Filtering", ECCV 2010) of a mask by the image it belongs to, with two differences:
 * pixels where the mask is doubtful count less, and of the windows that a pixel is in, those count more in which colours do
 * explain the mask: one that only touches the border elsewhere has nothing to say.
 *
 * What is found for each pixel are lines: its opacity by its colour, in the colours of its surroundings, is
 * r * R + g * G + b * B + one. They are planes one behind the other: r, g, b, one, and how much of the mask (its variance) they leave
 * unexplained.
 */
import { allocate, free } from '../memory';
import { boxMean, rowBytes } from './planes';

export const LINE_PLANES: i32 = 5;
/** Of an image: red, green, blue and how much of each pixel the mask covers, all 0..1. */
export const IMAGE_PLANES: i32 = 4;

const VECTOR: usize = 16;
/** Variance of colours from the camera's noise. */
const NOISE: f32 = 3e-4;
/** Of the mask's variance, that windows leave unexplained at least. */
const LEAST_RESIDUE: f32 = 0.003;

/**
 * @param image planes
 * @param trust a plane: how far the mask can be trusted at each pixel
 * @param radius of the windows in which opacity is taken to be linear in colour
 * @param reach of the windows whose findings a pixel goes by
 * @param isChoosy whether windows that explain the mask well count much more than others
 * @param lines planes to be written
 */
export function fitColourLines(
	image: usize,
	trust: usize,
	width: i32,
	height: i32,
	radius: i32,
	reach: i32,
	isChoosy: bool,
	lines: usize,
): void {
	const plane = rowBytes(width) * height;
	const weights = allocate(plane);
	const sums = allocate(plane * 14);
	boxMean(trust, weights, width, height, radius);
	let to = sums;
	for (let i = 0; i < IMAGE_PLANES; i++, to += plane) {
		multiply(image + plane * i, trust, to, plane);
		boxMean(to, to, width, height, radius);
	}
	for (let i = 0; i < IMAGE_PLANES; i++) {
		for (let j = i; j < IMAGE_PLANES; j++, to += plane) {
			multiply(image + plane * i, trust, to, plane);
			multiply(image + plane * j, to, to, plane);
			boxMean(to, to, width, height, radius);
		}
	}
	for (let at: usize = 0; at < plane; at += VECTOR) {
		solve(sums + at, weights + at, plane, isChoosy, lines + at);
	}
	for (let n = 0; n < LINE_PLANES; n++) {
		boxMean(lines + plane * n, lines + plane * n, width, height, reach);
	}
	boxMean(weights, weights, width, height, reach);
	for (let n = 0; n < LINE_PLANES; n++) {
		const line = lines + plane * n;
		for (let at: usize = 0; at < plane; at += VECTOR) {
			v128.store(line + at, f32x4.div(v128.load(line + at), v128.load(weights + at)));
		}
	}
	free(weights);
}

function multiply(a: usize, b: usize, to: usize, bytes: usize): void {
	for (let at: usize = 0; at < bytes; at += VECTOR) {
		v128.store(to + at, f32x4.mul(v128.load(a + at), v128.load(b + at)));
	}
}

function times(a: v128, b: v128): v128 {
	return f32x4.mul(a, b);
}

/** a * b - c * d */
function crossed(a: v128, b: v128, c: v128, d: v128): v128 {
	return f32x4.sub(f32x4.mul(a, b), f32x4.mul(c, d));
}

/** a * x + b * y + c * z */
function dot(a: v128, x: v128, b: v128, y: v128, c: v128, z: v128): v128 {
	return f32x4.add(f32x4.add(f32x4.mul(a, x), f32x4.mul(b, y)), f32x4.mul(c, z));
}

/**
 * Four pixels' windows: their lines, multiplied by the weight that they have, which takes the place of the mask's trust.
 *
 * @param sums of trusted colours and mask, then of their products
 */
function solve(sums: usize, weights: usize, plane: usize, isChoosy: bool, lines: usize): void {
	const trusted = v128.load(weights);
	const scale = f32x4.div(f32x4.splat(1), trusted);
	const r = times(v128.load(sums), scale);
	const g = times(v128.load(sums + plane), scale);
	const b = times(v128.load(sums + 2 * plane), scale);
	const m = times(v128.load(sums + 3 * plane), scale);
	const noise = f32x4.splat(NOISE);
	// Covariances of colours, and their inverse times those with the mask.
	const s00 = f32x4.add(crossed(v128.load(sums + 4 * plane), scale, r, r), noise);
	const s01 = crossed(v128.load(sums + 5 * plane), scale, r, g);
	const s02 = crossed(v128.load(sums + 6 * plane), scale, r, b);
	const x = crossed(v128.load(sums + 7 * plane), scale, r, m);
	const s11 = f32x4.add(crossed(v128.load(sums + 8 * plane), scale, g, g), noise);
	const s12 = crossed(v128.load(sums + 9 * plane), scale, g, b);
	const y = crossed(v128.load(sums + 10 * plane), scale, g, m);
	const s22 = f32x4.add(crossed(v128.load(sums + 11 * plane), scale, b, b), noise);
	const z = crossed(v128.load(sums + 12 * plane), scale, b, m);
	const variance = crossed(v128.load(sums + 13 * plane), scale, m, m);
	const i00 = crossed(s11, s22, s12, s12);
	const i01 = crossed(s02, s12, s01, s22);
	const i02 = crossed(s01, s12, s02, s11);
	const i11 = crossed(s00, s22, s02, s02);
	const i12 = crossed(s01, s02, s00, s12);
	const i22 = crossed(s00, s11, s01, s01);
	const inverse = f32x4.div(f32x4.splat(1), dot(s00, i00, s01, i01, s02, i02));
	const a0 = times(dot(i00, x, i01, y, i02, z), inverse);
	const a1 = times(dot(i01, x, i11, y, i12, z), inverse);
	const a2 = times(dot(i02, x, i12, y, i22, z), inverse);
	const residue = f32x4.max(f32x4.splat(0), f32x4.sub(variance, dot(a0, x, a1, y, a2, z)));
	const unexplained = f32x4.add(residue, f32x4.splat(LEAST_RESIDUE));
	const weight = f32x4.div(trusted, isChoosy ? times(unexplained, unexplained) : unexplained);
	v128.store(lines, times(a0, weight));
	v128.store(lines + plane, times(a1, weight));
	v128.store(lines + 2 * plane, times(a2, weight));
	v128.store(lines + 3 * plane, times(f32x4.sub(m, dot(a0, r, a1, g, a2, b)), weight));
	v128.store(lines + 4 * plane, times(residue, weight));
	v128.store(weights, weight);
}

/** The opacity that lines give the pixels of an image. */
export function applyLines(lines: usize, image: usize, plane: usize, to: usize): void {
	for (let at: usize = 0; at < plane; at += VECTOR) {
		const sum = dot(
			v128.load(lines + at),
			v128.load(image + at),
			v128.load(lines + plane + at),
			v128.load(image + plane + at),
			v128.load(lines + 2 * plane + at),
			v128.load(image + 2 * plane + at),
		);
		const opacity = f32x4.add(sum, v128.load(lines + 3 * plane + at));
		v128.store(to + at, f32x4.max(f32x4.splat(0), f32x4.min(f32x4.splat(1), opacity)));
	}
}
