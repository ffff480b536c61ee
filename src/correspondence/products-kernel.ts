import {
	add,
	addInts,
	advance,
	type Code,
	compileKernel,
	constant,
	dotShorts,
	get,
	I32,
	lessUnsigned,
	load,
	loadVector,
	repeatWhile,
	set,
	shuffleInts,
	storeVector,
	V128,
	zeroVector,
} from '../wasm/module.js';

/** Descriptors are compared four queries against four keys at a time. */
export const GROUP = 4;
/** Channels handled by one round of the inner loop. */
const CHANNELS_A_ROUND = 8;

/**
 * Writes the dot products of four queries with the groups of keys that a list names.
 *
 * All arguments are byte addresses in the memory. `queries` holds four rows of 16-bit integers; each 32-bit address from
 * `list` to `listEnd` (exclusive, not empty) points to four key rows, one after the other; `out` gets int32 [groups, 4 queries, 4 keys].
 */
export type ProductsKernel = (queries: number, list: number, listEnd: number, out: number) => void;

/** Channels of a row in memory: rows are padded with zeros to whole rounds. */
export const paddedChannels = (channels: number): number =>
	Math.ceil(channels / CHANNELS_A_ROUND) * CHANNELS_A_ROUND;

/**
 * Compiles the kernel for rows of so many (padded) channels. Two queries by four keys share the registers of a round:
 * six loads feed eight multiply-adds of eight channels each.
 */
export const compileProductsKernel = (channels: number, memory: WebAssembly.Memory): ProductsKernel => {
	const rowBytes = 2 * channels;
	const [queries, entry, listEnd, out, key, query, end] = [0, 1, 2, 3, 4, 5, 6];
	const sums = [7, 8, 9, 10, 11, 12, 13, 14];
	const keys = [15, 16, 17, 18];
	const queryRow = 19;

	const accumulate = (pairRow: number): Code => [
		...get(query),
		...loadVector(pairRow * rowBytes),
		...set(queryRow),
		...keys.flatMap((register, k) => {
			const sum = sums[pairRow * GROUP + k] as number;
			return [...get(sum), ...get(queryRow), ...get(register), ...dotShorts, ...addInts, ...set(sum)];
		}),
	];
	/** Sums of the four lanes of four registers, as the lanes of one. */
	const across = (a: number, b: number, c: number, d: number): Code => {
		const halves = (left: number, right: number): Code => [
			...[...get(left), ...get(right), ...shuffleInts(0, 4, 1, 5)],
			...[...get(left), ...get(right), ...shuffleInts(2, 6, 3, 7)],
			...addInts,
		];
		return [
			...[...halves(a, b), ...set(keys[0] as number), ...halves(c, d), ...set(keys[1] as number)],
			...[...get(keys[0] as number), ...get(keys[1] as number), ...shuffleInts(0, 1, 4, 5)],
			...[...get(keys[0] as number), ...get(keys[1] as number), ...shuffleInts(2, 3, 6, 7)],
			...addInts,
		];
	};
	const twoQueries = (pair: number): Code => [
		...[...get(entry), ...load(), ...set(key)],
		...[...get(queries), ...constant(2 * pair * rowBytes), ...add, ...set(query)],
		...[...get(key), ...constant(rowBytes), ...add, ...set(end)],
		...sums.flatMap((sum) => [...zeroVector, ...set(sum)]),
		...repeatWhile(
			keys.flatMap((register, k) => [...get(key), ...loadVector(k * rowBytes), ...set(register)]),
			accumulate(0),
			accumulate(1),
			advance(key, 2 * CHANNELS_A_ROUND),
			advance(query, 2 * CHANNELS_A_ROUND),
			[...get(key), ...get(end), ...lessUnsigned],
		),
		...[0, 1].flatMap((pairRow) => [
			...get(out),
			...across(...(sums.slice(GROUP * pairRow, GROUP * (pairRow + 1)) as [number, number, number, number])),
			...storeVector(16 * (2 * pair + pairRow)),
		]),
	];
	return compileKernel(
		{
			parameters: [I32, I32, I32, I32],
			locals: [I32, I32, I32, ...sums.map(() => V128 as typeof V128), V128, V128, V128, V128, V128],
			body: repeatWhile(twoQueries(0), twoQueries(1), advance(out, 4 * GROUP * GROUP), advance(entry, 4), [
				...get(entry),
				...get(listEnd),
				...lessUnsigned,
			]),
		},
		memory,
	);
};
