/** Frames to each side that take part. */
export const SMOOTHING_FRAMES = 3;
/** In frames. */
const SIGMA = 1.3;

/** Weight of a frame that is so many frames away. */
export const smoothingKernel = (at: number): number => Math.exp(-(at * at) / (2 * SIGMA * SIGMA));

/**
 * A weighted local line through the values of the frames around one, evaluated at it: noise goes, steady motion stays
 * as it is (a mean would lag behind it at the ends of a clip).
 *
 * @param series for each frame, how far it is from the middle one, its values, and the weight of each value
 */
export const smoothInTime = (
	series: readonly { readonly at: number; readonly values: Float64Array; readonly weights: Float64Array }[],
): Float64Array => {
	const [first] = series;
	if (first === undefined) {
		throw new Error('There is nothing to smooth.');
	}
	const kernel = series.map(({ at }) => smoothingKernel(at));
	const out = new Float64Array(first.values.length);
	for (let i = 0; i < out.length; i++) {
		let [s0, s1, s2, v0, v1] = [0, 0, 0, 0, 0];
		for (let k = 0; k < series.length; k++) {
			const { at, values, weights } = series[k]!;
			const weight = kernel[k]! * (weights[i]! + 1e-3);
			s0 += weight;
			s1 += weight * at;
			s2 += weight * at * at;
			v0 += weight * values[i]!;
			v1 += weight * at * values[i]!;
		}
		const determinant = s0 * s2 - s1 * s1;
		out[i] = determinant > 1e-6 * s0 * s0 ? (s2 * v0 - s1 * v1) / determinant : v0 / s0;
	}
	return out;
};
