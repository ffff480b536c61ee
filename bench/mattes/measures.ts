import type { Size } from '../../src/core/size.js';

/**
 * The errors of the alpha-matting benchmark (Rhemann et al., "A perceptually motivated online benchmark for image
 * matting", CVPR 2009), over the whole frame, in the units in which papers print them: sums in thousands, and the mean
 * of squares times 1000.
 */
export type MatteErrors = {
	readonly sad: number;
	readonly mse: number;
	readonly grad: number;
	readonly conn: number;
};

/** @param matte, truth [height * width] 0..1 */
export const matteErrors = (matte: Float32Array, truth: Float32Array, size: Size): MatteErrors => {
	const box = boxOf(matte, truth, size);
	const [found, known] = [cut(matte, size, box), cut(truth, size, box)];
	let [sad, squares] = [0, 0];
	for (let at = 0; at < found.length; at++) {
		const difference = found[at]! - known[at]!;
		sad += Math.abs(difference);
		squares += difference * difference;
	}
	return {
		sad: sad / 1000,
		mse: (squares / matte.length) * 1000,
		grad: gradientError(found, known, box) / 1000,
		conn: connectivityError(found, known, box) / 1000,
	};
};

type Box = Size & { readonly x: number; readonly y: number };

/** Where anything is opaque, and as far around as filters reach: no measure finds an error elsewhere. */
const boxOf = (matte: Float32Array, truth: Float32Array, { width, height }: Size): Box => {
	let [left, right, top, bottom] = [width, 0, height, 0];
	for (let at = 0; at < matte.length; at++) {
		if (matte[at]! > 0 || truth[at]! > 0) {
			const [x, y] = [at % width, Math.floor(at / width)];
			[left, right] = [Math.min(left, x), Math.max(right, x + 1)];
			[top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
		}
	}
	const [x, y] = [Math.max(0, left - MARGIN), Math.max(0, top - MARGIN)];
	return {
		...{ x, y },
		width: Math.max(1, Math.min(width, right + MARGIN) - x),
		height: Math.max(1, Math.min(height, bottom + MARGIN) - y),
	};
};

const cut = (values: Float32Array, size: Size, { x, y, width, height }: Box): Float32Array => {
	const part = new Float32Array(width * height);
	for (let row = 0; row < height; row++) {
		const from = (y + row) * size.width + x;
		part.set(values.subarray(from, from + width), row * width);
	}
	return part;
};

/** Of the benchmark: first derivatives of a Gaussian of 1.4 pixels. */
const SIGMA = 1.4;
const REACH = 4;
const MARGIN = 2 * REACH;

const gradientError = (matte: Float32Array, truth: Float32Array, size: Size): number => {
	const [a, b] = [gradientSize(matte, size), gradientSize(truth, size)];
	return a.reduce((sum, value, at) => sum + (value - b[at]!) ** 2, 0);
};

const gradientSize = (values: Float32Array, size: Size): Float32Array => {
	const taps = Array.from({ length: 2 * REACH + 1 }, (_, n) => n - REACH);
	const gauss = taps.map((x) => Math.exp((-x * x) / (2 * SIGMA * SIGMA)));
	const slope = taps.map((x, n) => -x * gauss[n]!);
	// Each two-dimensional filter has norm 1, as there.
	const norm = Math.hypot(...gauss) * Math.hypot(...slope);
	const across = filtered(filtered(values, size, slope, true), size, gauss, false);
	const down = filtered(filtered(values, size, gauss, true), size, slope, false);
	return across.map((x, at) => Math.hypot(x, down[at]!) / norm);
};

const filtered = (
	values: Float32Array,
	{ width, height }: Size,
	taps: readonly number[],
	isAcross: boolean,
): Float32Array => {
	const out = new Float32Array(values.length);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			let sum = 0;
			for (let n = 0; n < taps.length; n++) {
				const px = isAcross ? Math.max(0, Math.min(width - 1, x + n - REACH)) : x;
				const py = isAcross ? y : Math.max(0, Math.min(height - 1, y + n - REACH));
				sum += taps[n]! * values[py * width + px]!;
			}
			out[y * width + x] = sum;
		}
	}
	return out;
};

const STEP = 0.1;
/** Deviations below this count as none. */
const LEAST = 0.15;

/**
 * How far pixels are from being connected with what is opaque in both: for each, the highest level at which it is in one
 * piece with the largest piece that is opaque in both.
 */
const connectivityError = (matte: Float32Array, truth: Float32Array, size: Size): number => {
	const levels = Array.from({ length: 11 }, (_, n) => n * STEP);
	const connected = new Float32Array(matte.length).fill(-1);
	for (let n = 1; n < levels.length; n++) {
		const level = levels[n]!;
		const both = matte.map((value, at) => (value >= level - 1e-6 && truth[at]! >= level - 1e-6 ? 1 : 0));
		const piece = largestPiece(both, size);
		for (let at = 0; at < connected.length; at++) {
			if (connected[at] === -1 && piece[at] === 0) {
				connected[at] = levels[n - 1]!;
			}
		}
	}
	const degree = (value: number, level: number): number => {
		const beyond = value - level;
		return 1 - (beyond >= LEAST ? beyond : 0);
	};
	let sum = 0;
	for (let at = 0; at < connected.length; at++) {
		const level = connected[at] === -1 ? 1 : connected[at]!;
		sum += Math.abs(degree(matte[at]!, level) - degree(truth[at]!, level));
	}
	return sum;
};

/** Marks the largest piece of neighbours (in four directions). */
const largestPiece = (marked: Float32Array, { width, height }: Size): Uint8Array => {
	const piece = new Int32Array(marked.length);
	const stack = new Int32Array(marked.length);
	let [pieces, best, most] = [0, 0, 0];
	for (let start = 0; start < marked.length; start++) {
		if (marked[start] === 0 || piece[start] !== 0) {
			continue;
		}
		pieces++;
		let [top, count] = [0, 0];
		stack[top++] = start;
		piece[start] = pieces;
		while (top > 0) {
			const at = stack[--top]!;
			count++;
			const x = at % width;
			const visit = (next: number): void => {
				if (marked[next] === 1 && piece[next] === 0) {
					piece[next] = pieces;
					stack[top++] = next;
				}
			};
			if (x > 0) visit(at - 1);
			if (x < width - 1) visit(at + 1);
			if (at >= width) visit(at - width);
			if (at < width * (height - 1)) visit(at + width);
		}
		if (count > most) {
			[best, most] = [pieces, count];
		}
	}
	return Uint8Array.from(piece, (value) => (value === best && best > 0 ? 1 : 0));
};

/**
 * How much errors change from frame to frame (dtSSD of Erofeev et al., "Perceptually motivated benchmark for video
 * matting", BMVC 2015): the root of the mean square of the difference between the changes of matte and truth, times 100.
 */
export const chatter = (mattes: readonly Float32Array[], truths: readonly Float32Array[]): number => {
	const steps = mattes.slice(1).map((matte, n) => {
		const [before, truth, truthBefore] = [mattes[n]!, truths[n + 1]!, truths[n]!];
		let squares = 0;
		for (let at = 0; at < matte.length; at++) {
			const change = matte[at]! - before[at]!;
			const trueChange = truth[at]! - truthBefore[at]!;
			squares += (change - trueChange) ** 2;
		}
		return Math.sqrt(squares / matte.length) * 100;
	});
	return steps.reduce((sum, step) => sum + step, 0) / steps.length;
};
