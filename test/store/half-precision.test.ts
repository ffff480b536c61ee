import { expect, it } from 'vitest';
import { fromHalves, toHalves } from '../../src/store/half-precision.js';

/** From the definition of the format. */
const halfToFloat = (bits: Uint16Array): Float32Array => Float32Array.from(bits, decodeHalf);

const decodeHalf = (bits: number): number => {
	const sign = bits & 0x8000 ? -1 : 1;
	const exponent = (bits >> 10) & 0x1f;
	const fraction = bits & 0x3ff;
	if (exponent === 0x1f) {
		return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
	}
	// Subnormals have no implicit leading one.
	return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
};

const all = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
/** The bit patterns of all finite numbers, negative zero and subnormals among them. */
const finite = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits).filter(
	(bits) => (bits & 0x7c00) !== 0x7c00,
);

it('knows every number of half precision, infinities and NaNs among them', () => {
	expect(fromHalves(finite)).toEqual(halfToFloat(finite));
	expect(fromHalves(all)).toEqual(halfToFloat(all));
	expect(toHalves(halfToFloat(finite))).toEqual(finite);
});

it('rounds to the nearest number, and of two equally near to the even one', () => {
	const positive = finite.filter((bits) => bits < 0x7bff);
	const low = halfToFloat(positive);
	const high = halfToFloat(positive.map((bits) => bits + 1));
	const between = (share: number): Float32Array =>
		low.map((value, at) => value + share * (high[at]! - value));
	expect(toHalves(between(0.25))).toEqual(positive);
	expect(toHalves(between(0.75))).toEqual(positive.map((bits) => bits + 1));
	expect(toHalves(between(0.5))).toEqual(positive.map((bits) => bits + (bits & 1)));
});

it('keeps what is too great in range', () => {
	expect([...fromHalves(toHalves(Float32Array.of(1e6, -1e6, 65504, Number.POSITIVE_INFINITY)))]).toEqual([
		...[65504, -65504, 65504, 65504],
	]);
});
