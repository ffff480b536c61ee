import { expect, it } from 'vitest';
import { halfToFloat } from '../../src/models/checkpoint/half-floats.js';
import { fromHalves, toHalves } from '../../src/models/half-precision.js';

/** The bit patterns of all finite numbers, negative zero and subnormals among them. */
const finite = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits).filter(
	(bits) => (bits & 0x7c00) !== 0x7c00,
);

it('knows every finite number of half precision', () => {
	expect(fromHalves(finite)).toEqual(halfToFloat(finite));
	expect(toHalves(halfToFloat(finite))).toEqual(finite);
});

it('rounds to the nearest number, and of two equally near to the even one', () => {
	const positive = finite.filter((bits) => bits < 0x7bff);
	const low = halfToFloat(positive);
	const high = halfToFloat(positive.map((bits) => bits + 1));
	const between = (share: number): Float32Array =>
		low.map((value, at) => value + share * ((high[at] as number) - value));
	expect(toHalves(between(0.25))).toEqual(positive);
	expect(toHalves(between(0.75))).toEqual(positive.map((bits) => bits + 1));
	expect(toHalves(between(0.5))).toEqual(positive.map((bits) => bits + (bits & 1)));
});

it('keeps what is too great in range', () => {
	expect([...fromHalves(toHalves(Float32Array.of(1e6, -1e6, 65504, Number.POSITIVE_INFINITY)))]).toEqual([
		...[65504, -65504, 65504, 65504],
	]);
});
