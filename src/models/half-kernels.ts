import {
	addInts,
	advance,
	andBits,
	type Code,
	compileKernel,
	constant,
	get,
	greaterInts,
	I32,
	leastInts,
	lessUnsigned,
	loadVector,
	multiplyFloats,
	narrowToUnsigned,
	orBits,
	repeatWhile,
	set,
	shiftLeftBits,
	shiftRightBits,
	splatFloat,
	splatInt,
	storeVector,
	V128,
	widenHighUnsigned,
	widenLowUnsigned,
} from '../wasm/module.js';

/** Numbers that go through a kernel together. */
export const NUMBERS_A_ROUND = 8;
const VECTOR_BYTES = 16;

/** Bits of a fraction that single precision has and half precision has not. */
const FRACTION_BITS = 13;
/** The exponents' biases differ by 112: numbers that are multiplied by this have half precision's exponent, in single's place. */
const REBIAS = 2 ** -112;
/** The exponent of single precision's infinities and NaNs. */
const NOT_FINITE = 0x7f800000;
/** 65504, the greatest number of half precision, so multiplied. */
const GREATEST = 0x7bff << FRACTION_BITS;

/**
 * All arguments are byte addresses: numbers are read up to `sourceEnd` (exclusive, not empty), in whole rounds, and written to `target`.
 */
export type HalfKernel = (source: number, sourceEnd: number, target: number) => void;

const [source, sourceEnd, target, first, second, magnitude] = [0, 1, 2, 3, 4, 5];
const everywhere = (bits: number): Code => [...constant(bits), ...splatInt];
const shifted = (direction: Code, by: number): Code => [...constant(by), ...direction];

/** float32 to float16: to the nearest number, of two equally near to the even one; greater ones become the greatest. */
export const compileEncodeKernel = (memory: WebAssembly.Memory): HalfKernel => {
	const encoded = (local: number, offset: number): Code => [
		...[...get(source), ...loadVector(offset), ...set(local)],
		...[...get(local), ...everywhere(0x7fffffff), ...andBits, ...splatFloat(REBIAS), ...multiplyFloats],
		...[...everywhere(GREATEST), ...leastInts, ...set(second)],
		// Half of the last place that stays, but a little less where that is even.
		...[...get(second), ...shifted(shiftRightBits, FRACTION_BITS), ...everywhere(1), ...andBits],
		...[...get(second), ...addInts, ...everywhere((1 << (FRACTION_BITS - 1)) - 1), ...addInts],
		...shifted(shiftRightBits, FRACTION_BITS),
		...[...get(local), ...shifted(shiftRightBits, 16), ...everywhere(0x8000), ...andBits, ...orBits],
	];
	return compileKernel(
		{
			parameters: [I32, I32, I32],
			locals: [V128, V128],
			body: repeatWhile(
				get(target),
				[...encoded(first, 0), ...encoded(first, VECTOR_BYTES), ...narrowToUnsigned, ...storeVector()],
				advance(source, 2 * VECTOR_BYTES),
				advance(target, VECTOR_BYTES),
				[...get(source), ...get(sourceEnd), ...lessUnsigned],
			),
		},
		memory,
	);
};

/** float16 to float32. */
export const compileDecodeKernel = (memory: WebAssembly.Memory): HalfKernel => {
	const decoded = (widen: Code, offset: number): Code => [
		...[...get(first), ...widen, ...set(second)],
		...get(target),
		...[...get(second), ...everywhere(0x7fff), ...andBits, ...shifted(shiftLeftBits, FRACTION_BITS)],
		...[...set(magnitude), ...get(magnitude), ...splatFloat(1 / REBIAS), ...multiplyFloats],
		// Beyond the greatest number are infinities and NaNs, which have the highest exponent here, too.
		...[...get(magnitude), ...everywhere(GREATEST | ((1 << FRACTION_BITS) - 1)), ...greaterInts],
		...[...everywhere(NOT_FINITE), ...andBits, ...orBits],
		...[...get(second), ...everywhere(0x8000), ...andBits, ...shifted(shiftLeftBits, 16), ...orBits],
		...storeVector(offset),
	];
	return compileKernel(
		{
			parameters: [I32, I32, I32],
			locals: [V128, V128, V128],
			body: repeatWhile(
				[...get(source), ...loadVector(), ...set(first)],
				[...decoded(widenLowUnsigned, 0), ...decoded(widenHighUnsigned, VECTOR_BYTES)],
				advance(source, VECTOR_BYTES),
				advance(target, 2 * VECTOR_BYTES),
				[...get(source), ...get(sourceEnd), ...lessUnsigned],
			),
		},
		memory,
	);
};
