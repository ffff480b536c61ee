import {
	add,
	addInts,
	advance,
	type Code,
	compileKernel,
	constant,
	get,
	I32,
	lessUnsigned,
	load,
	loadFourBytes,
	loadSplat,
	loadVector,
	multiplyInts,
	narrowInts,
	narrowToBytes,
	repeatWhile,
	set,
	shiftRightInts,
	splatInt,
	storeFourBytes,
	storeVector,
	V128,
	widenHighBytes,
	widenHighUnsigned,
	widenLowBytes,
	widenLowUnsigned,
} from '../wasm/module.js';
import { PRECISION_BITS, ROUNDING } from './triangle-filter.js';

export const VECTOR_BYTES = 16;

const rounded: Code = [...constant(ROUNDING), ...splatInt];
const whole: Code = [...constant(PRECISION_BITS), ...shiftRightInts];

/**
 * Filters a row of RGB pixels along x. All arguments are byte addresses: of the row; of the int32 offsets in it at which the
 * output pixels begin to look, up to `offsetsEnd` (exclusive); of their int32 weights [pixels, taps]; and of the output, behind
 * which one byte more is written. What lies behind the row is read, with weights of 0.
 */
export type RowKernel = (
	row: number,
	offsets: number,
	offsetsEnd: number,
	weights: number,
	out: number,
) => void;

export const compileRowKernel = (taps: number, memory: WebAssembly.Memory): RowKernel => {
	const [row, offsets, offsetsEnd, weights, out, pixel, sum] = [0, 1, 2, 3, 4, 5, 6];
	const tap = (t: number): Code => [
		...[...get(sum), ...get(pixel), ...loadFourBytes(3 * t), ...widenLowBytes, ...widenLowUnsigned],
		...[...get(weights), ...loadSplat(4 * t), ...multiplyInts, ...addInts, ...set(sum)],
	];
	return compileKernel(
		{
			parameters: [I32, I32, I32, I32, I32],
			locals: [I32, V128],
			body: repeatWhile(
				[...get(row), ...get(offsets), ...load(), ...add, ...set(pixel), ...rounded, ...set(sum)],
				...Array.from({ length: taps }, (_, t) => tap(t)),
				[...get(sum), ...whole, ...set(sum)],
				[
					...get(out),
					...get(sum),
					...get(sum),
					...narrowInts,
					...get(sum),
					...narrowToBytes,
					...storeFourBytes(),
				],
				advance(offsets, 4),
				advance(weights, 4 * taps),
				advance(out, 3),
				[...get(offsets), ...get(offsetsEnd), ...lessUnsigned],
			),
		},
		memory,
	);
};

/**
 * Adds up rows of bytes, `pitch` bytes apart: one output row. All arguments are byte addresses: of the first row to look at, of
 * the int32 weights [taps], and of the output, up to `outEnd` (exclusive), whole vectors of 16 bytes.
 */
export type ColumnKernel = (rows: number, weights: number, out: number, outEnd: number) => void;

export const compileColumnKernel = (
	taps: number,
	pitch: number,
	memory: WebAssembly.Memory,
): ColumnKernel => {
	const [rows, weights, out, outEnd] = [0, 1, 2, 3];
	const sums = [4, 5, 6, 7];
	const [bytes, weight] = [8, 9];
	const widened = [
		[...widenLowBytes, ...widenLowUnsigned],
		[...widenLowBytes, ...widenHighUnsigned],
		[...widenHighBytes, ...widenLowUnsigned],
		[...widenHighBytes, ...widenHighUnsigned],
	];
	const tap = (t: number): Code => [
		...[
			...get(rows),
			...loadVector(t * pitch),
			...set(bytes),
			...get(weights),
			...loadSplat(4 * t),
			...set(weight),
		],
		...sums.flatMap((sum, part) => [
			...[...get(sum), ...get(bytes), ...(widened[part] as Code), ...get(weight), ...multiplyInts],
			...[...addInts, ...set(sum)],
		]),
	];
	const [a, b, c, d] = sums.map((sum): Code => [...get(sum), ...whole]) as [Code, Code, Code, Code];
	return compileKernel(
		{
			parameters: [I32, I32, I32, I32],
			locals: Array.from({ length: 6 }, () => V128 as typeof V128),
			body: repeatWhile(
				sums.flatMap((sum) => [...rounded, ...set(sum)]),
				...Array.from({ length: taps }, (_, t) => tap(t)),
				[
					...get(out),
					...a,
					...b,
					...narrowInts,
					...c,
					...d,
					...narrowInts,
					...narrowToBytes,
					...storeVector(),
				],
				advance(rows, VECTOR_BYTES),
				advance(out, VECTOR_BYTES),
				[...get(out), ...get(outEnd), ...lessUnsigned],
			),
		},
		memory,
	);
};
