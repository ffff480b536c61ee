import { isLessUnsigned, loadedFrom, product, storeAt, sum } from '../wasm/expressions.js';
import {
	addInts,
	advance,
	type Code,
	chooseBits,
	compileKernel,
	constantInts,
	equalInts,
	get,
	greaterInts,
	greatestInts,
	I32,
	INT_BYTES,
	laneOf,
	leastInts,
	loadVector,
	repeatWhile,
	set,
	shuffleInts,
	splatNumber,
	V128,
} from '../wasm/module.js';
import { NOTHING } from './pick-kernel.js';
import { GROUP } from './products-kernel.js';

const GREATEST = 0x7fffffff;

/**
 * Finds the key with the greatest product of each of four queries: what the pick kernel does for one key, for all four at once and without
 * a branch.
 *
 * All arguments are byte addresses. From `products` to `productsEnd` (exclusive, not empty) lie int32 [groups, 4 queries, 4 keys];
 * `best` gets the keys [4], `group * 4 + key`, and then their products [4]. `blocks` is wanted only where keys may be missing.
 */
export type BestKernel = (products: number, productsEnd: number, best: number, blocks: number) => void;

/** @param cells as for `compilePickKernel`; where no key exists the product is {@link NOTHING} */
export const compileBestKernel = (memory: WebAssembly.Memory, cells?: number): BestKernel => {
	const [products, productsEnd, best, blocks] = [0, 1, 2, 3];
	const [number, keys, found, exists] = [4, 5, 6, 7];
	const scores = [8, 9, 10, 11];
	const numbers = [12, 13, 14, 15];

	const findExisting: Code =
		cells === undefined
			? []
			: [
					...sum(product(loadedFrom(get(blocks)), INT_BYTES * GROUP), cells),
					...[...loadVector(), ...splatNumber(-1), ...greaterInts, ...set(exists)],
					...advance(blocks, INT_BYTES),
				];
	const compare = (member: number): Code => {
		const [score, place] = [scores[member] as number, numbers[member] as number];
		return [
			...[...get(products), ...loadVector(INT_BYTES * GROUP * member)],
			...(cells === undefined ? [] : [...splatNumber(NOTHING), ...get(exists), ...chooseBits]),
			...set(keys),
			...[
				...get(number),
				...get(place),
				...get(keys),
				...get(score),
				...greaterInts,
				...chooseBits,
				...set(place),
			],
			...[...get(keys), ...get(score), ...greatestInts, ...set(score)],
		];
	};
	/** What `operator` leaves of the four lanes, in all of them. */
	const acrossLanes = (local: number, operator: Code): Code => [
		...[...get(local), ...get(local), ...get(local), ...shuffleInts(2, 3, 0, 1), ...operator, ...set(local)],
		...[...get(local), ...get(local), ...get(local), ...shuffleInts(1, 0, 3, 2), ...operator, ...set(local)],
	];
	const write = (member: number): Code => {
		const [score, place] = [scores[member] as number, numbers[member] as number];
		return [
			...[...get(score), ...set(found), ...acrossLanes(score, greatestInts)],
			// Of the lanes with the greatest product the one with the first key.
			...[...get(place), ...splatNumber(GREATEST), ...get(found), ...get(score), ...equalInts, ...chooseBits],
			...[...set(place), ...acrossLanes(place, leastInts)],
			...storeAt(sum(get(best), INT_BYTES * member), [...get(place), ...laneOf(0)]),
			...storeAt(sum(get(best), INT_BYTES * (GROUP + member)), [...get(score), ...laneOf(0)]),
		];
	};
	const members = [0, 1, 2, 3];
	return compileKernel(
		{
			parameters: Array(4).fill(I32),
			locals: Array(12).fill(V128),
			body: [
				...members.flatMap((member) => [...splatNumber(NOTHING), ...set(scores[member] as number)]),
				...[...constantInts(0, 1, 2, 3), ...set(number)],
				...repeatWhile(
					findExisting,
					...members.map(compare),
					[...get(number), ...splatNumber(GROUP), ...addInts, ...set(number)],
					advance(products, INT_BYTES * GROUP * GROUP),
					isLessUnsigned(get(products), get(productsEnd)),
				),
				...members.flatMap(write),
			],
		},
		memory,
	);
};
