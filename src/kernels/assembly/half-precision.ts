/** Conversion between float32 and the bit patterns of float16 (IEEE 754 binary16), eight numbers at a time. */

/** Bits of a fraction that single precision has and half precision has not. */
const FRACTION_BITS: i32 = 13;
/** 2^-112: numbers that are multiplied by this have half precision's exponent, in single's place. */
const REBIAS: f32 = reinterpret<f32>(15 << 23);
/** The exponent of single precision's infinities and NaNs. */
const NOT_FINITE: i32 = 0x7f800000;
/** 65504, the greatest number of half precision, so multiplied. */
const GREATEST: i32 = 0x7bff << FRACTION_BITS;

/** To the nearest number, of two equally near to the even one; greater ones become the greatest. @param singles up to `singlesEnd` */
export function encodeHalves(singles: usize, singlesEnd: usize, halves: usize): void {
	for (; singles < singlesEnd; singles += 32) {
		v128.store(halves, i16x8.narrow_i32x4_u(encoded(v128.load(singles)), encoded(v128.load(singles, 16))));
		halves += 16;
	}
}

function encoded(single: v128): v128 {
	const magnitude = f32x4.mul(v128.and(single, i32x4.splat(0x7fffffff)), f32x4.splat(REBIAS));
	const bits = i32x4.min_s(magnitude, i32x4.splat(GREATEST));
	// Half of the last place that stays, but a little less where that is even.
	const isOdd = v128.and(i32x4.shr_u(bits, FRACTION_BITS), i32x4.splat(1));
	const rounding = i32x4.add(isOdd, i32x4.splat((1 << (FRACTION_BITS - 1)) - 1));
	const rounded = i32x4.shr_u(i32x4.add(bits, rounding), FRACTION_BITS);
	return v128.or(rounded, v128.and(i32x4.shr_u(single, 16), i32x4.splat(0x8000)));
}

/** @param halves up to `halvesEnd` */
export function decodeHalves(halves: usize, halvesEnd: usize, singles: usize): void {
	for (; halves < halvesEnd; halves += 16) {
		const eight = v128.load(halves);
		v128.store(singles, decoded(i32x4.extend_low_i16x8_u(eight)));
		v128.store(singles, decoded(i32x4.extend_high_i16x8_u(eight)), 16);
		singles += 32;
	}
}

function decoded(half: v128): v128 {
	const bits = i32x4.shl(v128.and(half, i32x4.splat(0x7fff)), FRACTION_BITS);
	// Beyond the greatest number are infinities and NaNs, which have the highest exponent here, too.
	const isBeyond = i32x4.gt_s(bits, i32x4.splat(GREATEST | ((1 << FRACTION_BITS) - 1)));
	const exponent = v128.and(isBeyond, i32x4.splat(NOT_FINITE));
	const magnitude = v128.or(f32x4.mul(bits, f32x4.splat(1 / REBIAS)), exponent);
	return v128.or(magnitude, i32x4.shl(v128.and(half, i32x4.splat(0x8000)), 16));
}
