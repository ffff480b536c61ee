import {
	add,
	addFloats,
	advance,
	andBits,
	type Code,
	compileKernel,
	divideFloats,
	get,
	I32,
	lessUnsigned,
	load,
	loadVector,
	multiplyFloats,
	notSmallerFloats,
	repeatWhile,
	set,
	splatFloat,
	storeVector,
	subtractFloats,
	V128,
	zeroVector,
} from '../wasm/module.js';
import { MAX_DISTANCE, OFFSETS } from './neighbourhood.js';

/** Pixels that lie side by side and go through the kernels together. */
export const QUAD = 4;
export const QUAD_BYTES = 4 * QUAD;
/** A quad's entry in a list: the addresses of its first neighbours' corner in a plane, and of its weights. */
export const ENTRY_BYTES = 8;
export const WEIGHTS_BYTES = OFFSETS.length * QUAD_BYTES;

/** Planes of float32 that lie one behind the other, each with a margin of `MAX_DISTANCE` on all sides. */
export type PlaneLayout = {
	/** Pixels from one row to the next, a multiple of four. */
	readonly stride: number;
	readonly planeBytes: number;
};

/** Bytes from the corner that an entry points to: the pixel `MAX_DISTANCE` above and to the left of the quad's first. */
const bytesTo = ({ stride }: PlaneLayout, dy: number, dx: number): number =>
	4 * ((dy + MAX_DISTANCE) * stride + dx + MAX_DISTANCE);

/** exp(-x) as (1 - x / 2^SQUARINGS)^(2^SQUARINGS); for x beyond the end it counts as 0, and costs nothing in subnormal numbers. */
const SQUARINGS = 10;
const DECAY_END = 16;
/** Keeps the sum of a pixel that resembles none of its neighbours above 0. */
export const LEAST_SUM = 1e-4;

/**
 * How much the pixels of quads resemble their neighbours: exp(-|colour difference|² / 2σ²), over the sum of all of a pixel's.
 *
 * All arguments are addresses. The colours are the first three planes, from address 0. Entries are read up to `entriesEnd`
 * (exclusive, not empty); the entries' weights are written, and to `sums`, a quad after the other, what they add up to: just
 * below 1.
 */
export type AffinityKernel = (entries: number, entriesEnd: number, sums: number) => void;

export const compileAffinityKernel = (
	layout: PlaneLayout,
	sigma: number,
	memory: WebAssembly.Memory,
): AffinityKernel => {
	const [entries, entriesEnd, sums, corner, weights] = [0, 1, 2, 3, 4];
	const centre = [5, 6, 7];
	const [difference, value, total] = [8, 9, 10];
	const colour = (plane: number, dy: number, dx: number): Code => [
		...get(corner),
		...loadVector(plane * layout.planeBytes + bytesTo(layout, dy, dx)),
	];
	const share = 1 / 2 ** SQUARINGS;
	const neighbour = (dy: number, dx: number, number: number): Code => [
		...centre.flatMap((local, plane) => [
			...[...colour(plane, dy, dx), ...get(local), ...subtractFloats, ...set(difference)],
			...(plane === 0 ? [] : get(value)),
			...[...get(difference), ...get(difference), ...multiplyFloats],
			...[...(plane === 0 ? [] : addFloats), ...set(value)],
		]),
		...[...splatFloat(1), ...get(value), ...splatFloat(share / (2 * sigma * sigma)), ...multiplyFloats],
		...[...subtractFloats, ...set(value)],
		...[...get(value), ...splatFloat(1 - DECAY_END * share), ...notSmallerFloats],
		...[...get(value), ...andBits, ...set(value)],
		...Array.from({ length: SQUARINGS }, () => [
			...[...get(value), ...get(value), ...multiplyFloats, ...set(value)],
		]).flat(),
		...[...get(weights), ...get(value), ...storeVector(number * QUAD_BYTES)],
		...[...get(total), ...get(value), ...addFloats, ...set(total)],
	];
	const normalised = (number: number): Code => [
		...get(weights),
		...[...get(weights), ...loadVector(number * QUAD_BYTES), ...get(value), ...multiplyFloats],
		...storeVector(number * QUAD_BYTES),
	];
	return compileKernel(
		{
			parameters: [I32, I32, I32],
			locals: [I32, I32, V128, V128, V128, V128, V128, V128],
			body: repeatWhile(
				[...get(entries), ...load(), ...set(corner), ...get(entries), ...load(4), ...set(weights)],
				centre.flatMap((local, plane) => [...colour(plane, 0, 0), ...set(local)]),
				[...splatFloat(LEAST_SUM), ...set(total)],
				OFFSETS.flatMap(([dy, dx], number) => neighbour(dy, dx, number)),
				[...splatFloat(1), ...get(total), ...divideFloats, ...set(value)],
				OFFSETS.flatMap((_, number) => normalised(number)),
				[...get(sums), ...get(total), ...splatFloat(LEAST_SUM), ...subtractFloats],
				[...get(value), ...multiplyFloats, ...storeVector()],
				advance(sums, QUAD_BYTES),
				advance(entries, ENTRY_BYTES),
				[...get(entries), ...get(entriesEnd), ...lessUnsigned],
			),
		},
		memory,
	);
};

/**
 * The neighbours' support for what a plane has, weighted by resemblance.
 *
 * All arguments are addresses. Entries are read up to `entriesEnd` (exclusive, not empty); the support of each quad goes to
 * `support`, one after the other.
 */
export type SupportKernel = (entries: number, entriesEnd: number, plane: number, support: number) => void;

export const compileSupportKernel = (layout: PlaneLayout, memory: WebAssembly.Memory): SupportKernel => {
	const [entries, entriesEnd, plane, support, corner, weights] = [0, 1, 2, 3, 4, 5];
	// Several sums, so that one addition need not wait for the one before it.
	const sums = [6, 7, 8, 9];
	const sumOf = (number: number): number => sums[number % sums.length] as number;
	return compileKernel(
		{
			parameters: [I32, I32, I32, I32],
			locals: [I32, I32, V128, V128, V128, V128],
			body: repeatWhile(
				[...get(entries), ...load(), ...get(plane), ...add, ...set(corner)],
				[...get(entries), ...load(4), ...set(weights)],
				sums.flatMap((sum) => [...zeroVector, ...set(sum)]),
				OFFSETS.flatMap(([dy, dx], number) => [
					...[...get(weights), ...loadVector(number * QUAD_BYTES)],
					...[...get(corner), ...loadVector(bytesTo(layout, dy, dx)), ...multiplyFloats],
					...[...get(sumOf(number)), ...addFloats, ...set(sumOf(number))],
				]),
				[...get(support), ...get(sumOf(0)), ...get(sumOf(1)), ...addFloats],
				[...get(sumOf(2)), ...get(sumOf(3)), ...addFloats, ...addFloats, ...storeVector()],
				advance(support, QUAD_BYTES),
				advance(entries, ENTRY_BYTES),
				[...get(entries), ...get(entriesEnd), ...lessUnsigned],
			),
		},
		memory,
	);
};
