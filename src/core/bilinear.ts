import { cellsFromPixels, type Size } from './size.js';

/** Where each sample of one axis lies between two samples of another (half-pixel centres, edges clamped). */
export type Axis = { readonly low: Int32Array; readonly high: Int32Array; readonly share: Float32Array };

export const axis = (from: number, to: number): Axis => {
	const low = new Int32Array(to);
	const high = new Int32Array(to);
	const share = new Float32Array(to);
	for (let i = 0; i < to; i++) {
		const position = Math.min(from - 1, Math.max(0, cellsFromPixels(i, to, from)));
		low[i] = Math.floor(position);
		high[i] = Math.min(from - 1, low[i]! + 1);
		share[i] = position - low[i]!;
	}
	return { low, high, share };
};

/**
 * Bilinear resizing of planes, as `torch.nn.functional.interpolate(mode='bilinear', align_corners=False)`:
 * pixel areas are aligned, edges are clamped, and nothing is antialiased when shrinking.
 *
 * @param data [planes, height, width]
 * @returns [planes, newHeight, newWidth]
 */
export const resizeBilinear = (
	data: Float32Array,
	planes: number,
	height: number,
	width: number,
	newHeight: number,
	newWidth: number,
): Float32Array => {
	if (height === newHeight && width === newWidth) {
		return data;
	}
	const rows = axis(height, newHeight);
	const columns = axis(width, newWidth);
	const result = new Float32Array(planes * newHeight * newWidth);
	let target = 0;
	for (let plane = 0; plane < planes; plane++) {
		const start = plane * height * width;
		for (let y = 0; y < newHeight; y++) {
			const upper = start + rows.low[y]! * width;
			const lower = start + rows.high[y]! * width;
			const down = rows.share[y]!;
			for (let x = 0; x < newWidth; x++) {
				const left = columns.low[x]!;
				const right = columns.high[x]!;
				const across = columns.share[x]!;
				const top = data[upper + left]! * (1 - across) + data[upper + right]! * across;
				const bottom = data[lower + left]! * (1 - across) + data[lower + right]! * across;
				result[target++] = top * (1 - down) + bottom * down;
			}
		}
	}
	return result;
};

/** The four samples around a position, and how much of each it has. */
export type Corners = readonly (readonly [index: number, share: number])[];

/**
 * Where a position reads in a plane of samples with centres at integers: outside the outermost centres it takes the border's values, as
 * `torch.nn.functional.interpolate` does.
 */
export const cornersAt = (x: number, y: number, { width, height }: Size): Corners => {
	const column = Math.min(Math.max(x, 0), width - 1);
	const row = Math.min(Math.max(y, 0), height - 1);
	const [left, top] = [Math.floor(column), Math.floor(row)];
	const [across, down] = [column - left, row - top];
	const right = Math.min(left + 1, width - 1);
	const bottom = Math.min(top + 1, height - 1);
	const [a, b, c, d] = cornerWeights(across, down);
	return [
		[top * width + left, a],
		[top * width + right, b],
		[bottom * width + left, c],
		[bottom * width + right, d],
	];
};

/** A plane's value at a position between samples, as {@link cornersAt} has it. */
export const bilinearAt = (data: Float32Array, size: Size, x: number, y: number): number =>
	cornersAt(x, y, size).reduce((sum, [at, share]) => sum + share * data[at]!, 0);

/** Bilinear weights of the samples left above, right above, left below and right below. */
export const cornerWeights = (across: number, down: number): [number, number, number, number] => [
	(1 - down) * (1 - across),
	(1 - down) * across,
	down * (1 - across),
	down * across,
];
