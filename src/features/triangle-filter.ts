/** Fixed-point weights have so many bits behind the point. */
export const PRECISION_BITS = 32 - 8 - 2;
export const ROUNDING = 1 << (PRECISION_BITS - 1);

/** For each output position the first input position, and `taps` weights (zero-padded). */
export type Filter = { readonly first: Int32Array; readonly weights: Int32Array; readonly taps: number };

const triangle = (x: number): number => Math.max(0, 1 - Math.abs(x));

/**
 * The filter of Pillow's BILINEAR resampling along one axis (libImaging/Resample.c): a triangle that widens with the shrink
 * factor, so that it is antialiased, in fixed-point weights. The result is rounded to 8 bits after each axis.
 */
export const triangleFilter = (inputSize: number, outputSize: number): Filter => {
	const scale = inputSize / outputSize;
	const support = Math.max(scale, 1);
	const taps = Math.ceil(support) * 2 + 1;
	const first = new Int32Array(outputSize);
	const weights = new Int32Array(outputSize * taps);
	for (let i = 0; i < outputSize; i++) {
		const centre = (i + 0.5) * scale;
		const begin = Math.max(0, Math.trunc(centre - support + 0.5));
		const end = Math.min(inputSize, Math.trunc(centre + support + 0.5));
		const exact: number[] = [];
		for (let j = begin; j < end; j++) {
			exact.push(triangle((j - centre + 0.5) / support));
		}
		const sum = exact.reduce((total, weight) => total + weight, 0);
		first[i] = begin;
		exact.forEach((weight, j) => {
			weights[i * taps + j] = Math.trunc(0.5 + (weight / sum) * (1 << PRECISION_BITS));
		});
	}
	return { first, weights, taps };
};
