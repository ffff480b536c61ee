/** Pillow's resampling of 8-bit images, along one axis at a time, with fixed-point weights: see `features/pil-resize.ts`. */
import { get } from './memory';

/** Weights have so many bits behind the point. */
const PRECISION_BITS: i32 = 32 - 8 - 2;
const ROUNDING: i32 = 1 << (PRECISION_BITS - 1);

/**
 * Filters a row of RGB pixels along x. What lies behind the row is read, with weights of 0, and one byte more than the output is
 * written.
 *
 * @param offsets int32 [width]: where in the row each output pixel begins to look, in bytes
 * @param weights int32 [width, taps]
 */
export function filterRow(
	row: usize,
	offsets: usize,
	weights: usize,
	taps: i32,
	out: usize,
	width: i32,
): void {
	for (let x = 0; x < width; x++) {
		let pixel = row + get(offsets, x);
		let sum = i32x4.splat(ROUNDING);
		for (const end = weights + 4 * taps; weights < end; weights += 4) {
			const channels = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(pixel)));
			sum = i32x4.add(sum, i32x4.mul(channels, v128.load_splat<i32>(weights)));
			pixel += 3;
		}
		const whole = i32x4.shr_s(sum, PRECISION_BITS);
		const shorts = i16x8.narrow_i32x4_s(whole, whole);
		v128.store_lane<i32>(out, i8x16.narrow_i16x8_u(shorts, shorts), 0);
		out += 3;
	}
}

/**
 * Filters rows, `pitch` bytes apart, along y: one output row.
 *
 * @param rows the first row that is looked at
 * @param weights int32 [taps]
 * @param out whole vectors, up to `outEnd`
 */
export function filterColumns(
	rows: usize,
	pitch: usize,
	weights: usize,
	taps: i32,
	out: usize,
	outEnd: usize,
): void {
	const weightsEnd = weights + 4 * taps;
	for (; out < outEnd; out += 16) {
		let sum0 = i32x4.splat(ROUNDING);
		let sum1 = i32x4.splat(ROUNDING);
		let sum2 = i32x4.splat(ROUNDING);
		let sum3 = i32x4.splat(ROUNDING);
		let at = rows;
		for (let tap = weights; tap < weightsEnd; tap += 4) {
			const bytes = v128.load(at);
			const low = i16x8.extend_low_i8x16_u(bytes);
			const high = i16x8.extend_high_i8x16_u(bytes);
			const weight = v128.load_splat<i32>(tap);
			sum0 = i32x4.add(sum0, i32x4.mul(i32x4.extend_low_i16x8_u(low), weight));
			sum1 = i32x4.add(sum1, i32x4.mul(i32x4.extend_high_i16x8_u(low), weight));
			sum2 = i32x4.add(sum2, i32x4.mul(i32x4.extend_low_i16x8_u(high), weight));
			sum3 = i32x4.add(sum3, i32x4.mul(i32x4.extend_high_i16x8_u(high), weight));
			at += pitch;
		}
		v128.store(out, i8x16.narrow_i16x8_u(wholes(sum0, sum1), wholes(sum2, sum3)));
		rows += 16;
	}
}

/** The integer parts of eight numbers. */
function wholes(low: v128, high: v128): v128 {
	return i16x8.narrow_i32x4_s(i32x4.shr_s(low, PRECISION_BITS), i32x4.shr_s(high, PRECISION_BITS));
}
