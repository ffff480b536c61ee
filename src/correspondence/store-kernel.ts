import {
	add,
	addFloats,
	addInts,
	advance,
	type Code,
	compileKernel,
	constant,
	divideFloats,
	get,
	I32,
	lessUnsigned,
	load,
	loadVector,
	maxFloats,
	multiplyFloats,
	narrowInts,
	repeatWhile,
	roundFloats,
	set,
	shiftRightInts,
	shuffleInts,
	splatFloat,
	squareRoots,
	storeVector,
	V128,
	widenHighShorts,
	widenLowShorts,
	zeroVector,
} from '../wasm/module.js';
import { ONE } from './block-layout.js';

/** Cells that go through the kernel together; a plane is padded to a multiple. */
export const CELLS_A_ROUND = 4;
/** As of the products kernel: rows are padded to whole rounds. */
const CHANNELS_A_ROUND = 8;

/**
 * Normalises descriptors to length 1 and writes them cell by cell, rounded to 16 bits: a similarity changes by less than 0.0005.
 *
 * All arguments are byte addresses. `cells` points to float32 planes [channels, cells], `rows` to the addresses of the
 * cells' rows, in the same order, up to `rowsEnd` (exclusive, not empty).
 */
export type StoreKernel = (cells: number, rows: number, rowsEnd: number) => void;

/**
 * Compiles the kernel for so many padded channels and for planes that lie so many bytes apart.
 */
export const compileStoreKernel = (
	channels: number,
	planeBytes: number,
	memory: WebAssembly.Memory,
): StoreKernel => {
	const [cells, rows, rowsEnd, plane, end, channelBytes] = [0, 1, 2, 3, 4, 5];
	const [lengths, value] = [6, 7];
	const values = [8, 9, 10, 11, 12, 13, 14, 15];
	const pairs = [16, 17, 18, 19];
	const planesEnd: Code = [...get(cells), ...constant(channels * planeBytes), ...add, ...set(end)];
	const whilePlanesLeft: Code = [...get(plane), ...get(end), ...lessUnsigned];

	const sumOfSquares: Code = [
		...[...zeroVector, ...set(lengths), ...get(cells), ...set(plane), ...planesEnd],
		...repeatWhile(
			[...get(plane), ...loadVector(), ...set(value)],
			[...get(lengths), ...get(value), ...get(value), ...multiplyFloats, ...addFloats, ...set(lengths)],
			advance(plane, planeBytes),
			whilePlanesLeft,
		),
	];
	const scales: Code = [
		...splatFloat(ONE),
		...[...get(lengths), ...squareRoots, ...splatFloat(1e-12), ...maxFloats],
		...[...divideFloats, ...set(lengths)],
	];
	/** Four planes' integers of four cells become four cells' integers of four channels. */
	const transpose = (first: number): Code => {
		const [a, b, c, d] = values.slice(first, first + 4) as [number, number, number, number];
		const [p, q, r, s] = pairs as [number, number, number, number];
		const mix = (x: number, y: number, to: number, lanes: Parameters<typeof shuffleInts>): Code => [
			...[...get(x), ...get(y), ...shuffleInts(...lanes), ...set(to)],
		];
		return [
			...[...mix(a, b, p, [0, 4, 1, 5]), ...mix(a, b, q, [2, 6, 3, 7])],
			...[...mix(c, d, r, [0, 4, 1, 5]), ...mix(c, d, s, [2, 6, 3, 7])],
			...[...mix(p, r, a, [0, 1, 4, 5]), ...mix(p, r, b, [2, 3, 6, 7])],
			...[...mix(q, s, c, [0, 1, 4, 5]), ...mix(q, s, d, [2, 3, 6, 7])],
		];
	};
	const eightChannels: Code = [
		...values.flatMap((register, channel) => [
			...[...get(plane), ...loadVector(channel * planeBytes), ...get(lengths), ...multiplyFloats],
			...[...roundFloats, ...set(register)],
		]),
		...transpose(0),
		...transpose(4),
		...[0, 1, 2, 3].flatMap((cell) => [
			...[...get(rows), ...load(4 * cell), ...get(channelBytes), ...add],
			...[...get(values[cell] as number), ...get(values[cell + 4] as number), ...narrowInts],
			...storeVector(),
		]),
	];
	return compileKernel(
		{
			parameters: [I32, I32, I32],
			locals: [I32, I32, I32, ...Array.from({ length: 14 }, () => V128 as typeof V128)],
			body: repeatWhile(
				sumOfSquares,
				scales,
				[...get(cells), ...set(plane), ...constant(0), ...set(channelBytes)],
				repeatWhile(
					eightChannels,
					advance(plane, CHANNELS_A_ROUND * planeBytes),
					advance(channelBytes, 2 * CHANNELS_A_ROUND),
					whilePlanesLeft,
				),
				advance(cells, 4 * CELLS_A_ROUND),
				advance(rows, 4 * CELLS_A_ROUND),
				[...get(rows), ...get(rowsEnd), ...lessUnsigned],
			),
		},
		memory,
	);
};

/**
 * Writes the mean of every four rows of 16-bit integers, from `rows` on, to `means`, up to `meansEnd` (exclusive, not empty). The
 * product of two means is the mean of the similarities of all pairs of their rows.
 */
export type MeansKernel = (rows: number, means: number, meansEnd: number) => void;

export const compileMeansKernel = (channels: number, memory: WebAssembly.Memory): MeansKernel => {
	const [rows, means, meansEnd, rowEnd] = [0, 1, 2, 3];
	const rowBytes = 2 * channels;
	const sums = [0, 1, 2, 3].map((row): Code => [...get(rows), ...loadVector(row * rowBytes)]);
	const quarter = (widen: Code): Code => [
		...sums.flatMap((row, at) => [...row, ...widen, ...(at === 0 ? [] : addInts)]),
		...[...constant(2), ...shiftRightInts],
	];
	return compileKernel(
		{
			parameters: [I32, I32, I32],
			locals: [I32],
			body: repeatWhile(
				[...get(rows), ...constant(rowBytes), ...add, ...set(rowEnd)],
				repeatWhile(
					[
						...get(means),
						...quarter(widenLowShorts),
						...quarter(widenHighShorts),
						...narrowInts,
						...storeVector(),
					],
					advance(rows, 2 * CHANNELS_A_ROUND),
					advance(means, 2 * CHANNELS_A_ROUND),
					[...get(rows), ...get(rowEnd), ...lessUnsigned],
				),
				advance(rows, 3 * rowBytes),
				[...get(means), ...get(meansEnd), ...lessUnsigned],
			),
		},
		memory,
	);
};
