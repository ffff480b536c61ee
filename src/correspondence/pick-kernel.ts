import { isNotLess, loadedFrom, product, sum } from '../wasm/expressions.js';
import {
	add,
	advance,
	type Code,
	compileKernel,
	constant,
	equal,
	get,
	greater,
	greaterInts,
	I32,
	INT_BYTES,
	isAnySet,
	isZero,
	laneOf,
	leaveIf,
	lessUnsigned,
	load,
	loadVector,
	notLess,
	repeat,
	repeatWhile,
	set,
	splatInt,
	store,
	subtract,
	V128,
	when,
} from '../wasm/module.js';
import { GROUP } from './products-kernel.js';

/** Less than every product. */
export const NOTHING = -0x80000000;

/**
 * Picks the keys with the greatest products of one query: `group * 4 + key`, best first, of equals the first one.
 *
 * All arguments but `sizeBytes` are byte addresses. From `products` to `productsEnd` (exclusive, not empty) lie int32 [groups, 4 queries,
 * 4 keys], beginning with the query's own keys. `held` gets the bytes of the picked keys, `positions` the keys, `scores` their products;
 * `sizeBytes` is the room for either. `blocks` is wanted only where keys may be missing.
 */
export type PickKernel = (
	products: number,
	productsEnd: number,
	held: number,
	positions: number,
	scores: number,
	sizeBytes: number,
	blocks: number,
) => void;

/**
 * Compiles the kernel.
 *
 * @param cells where some blocks lack cells: byte address of int32 [blocks, 4], negative for what is missing; `blocks` then points to
 *   the numbers [groups] of the blocks that the groups are, and missing cells are never picked
 */
export const compilePickKernel = (memory: WebAssembly.Memory, cells?: number): PickKernel => {
	const [products, productsEnd, held, positions, scores, sizeBytes, blocks] = [0, 1, 2, 3, 4, 5, 6];
	const [worst, heldBytes, position, score, rank, before, keys] = [7, 8, 9, 10, 11, 12, 13];
	/** `position` of a group's first key is the group's number in bytes. */
	const exists = (lane: number): Code =>
		isNotLess(
			loadedFrom(
				sum(product(loadedFrom(sum(get(blocks), get(position))), INT_BYTES * GROUP), cells ?? 0),
				INT_BYTES * lane,
			),
			0,
		);
	const at = (list: number, back = 0): Code => [
		...[...get(list), ...get(rank), ...add],
		...(back === 0 ? [] : [...constant(back), ...subtract]),
	];
	/** Moves what is worse up by one place. Sorted by insertion: most keys do not get here. */
	const makeRoom: Code = repeat(
		[...get(rank), ...isZero, ...leaveIf],
		[...at(scores, INT_BYTES), ...load(), ...set(before)],
		[...get(before), ...get(score), ...notLess, ...leaveIf],
		[...at(scores), ...get(before), ...store()],
		[...at(positions), ...at(positions, INT_BYTES), ...load(), ...store()],
		advance(rank, -INT_BYTES),
	);
	const take = (lane: number): Code => [
		...[...get(heldBytes), ...set(rank)],
		...[...get(heldBytes), ...get(sizeBytes), ...equal],
		...when(advance(rank, -INT_BYTES)),
		...[...get(heldBytes), ...get(sizeBytes), ...lessUnsigned],
		...when(advance(heldBytes, INT_BYTES)),
		...makeRoom,
		...[...at(scores), ...get(score), ...store()],
		...[...at(positions), ...get(position), ...constant(lane), ...add, ...store()],
		...[...get(heldBytes), ...get(sizeBytes), ...equal],
		...when([
			...get(scores),
			...get(sizeBytes),
			...add,
			...constant(INT_BYTES),
			...subtract,
			...load(),
			...set(worst),
		]),
	];
	return compileKernel(
		{
			parameters: Array(7).fill(I32),
			locals: [I32, I32, I32, I32, I32, I32, V128],
			body: [
				...[...constant(NOTHING), ...set(worst)],
				...repeatWhile(
					[...get(products), ...loadVector(), ...set(keys)],
					[...get(keys), ...get(worst), ...splatInt, ...greaterInts, ...isAnySet],
					when(
						...Array.from({ length: GROUP }, (_, lane) => [
							...[...get(keys), ...laneOf(lane), ...set(score)],
							...[...get(score), ...get(worst), ...greater],
							...when(cells === undefined ? take(lane) : [...exists(lane), ...when(take(lane))]),
						]),
					),
					advance(position, GROUP),
					advance(products, INT_BYTES * GROUP * GROUP),
					[...get(products), ...get(productsEnd), ...lessUnsigned],
				),
				...[...get(held), ...get(heldBytes), ...store()],
			],
		},
		memory,
	);
};
