import {
	assign,
	difference,
	isLessUnsigned,
	product,
	quotient,
	shiftedRightUnsigned,
	smaller,
	storeAt,
} from '../wasm/expressions.js';
import {
	advance,
	andBits,
	andNotBits,
	type Code,
	compileKernel,
	constantInts,
	get,
	greaterInts,
	greatestInts,
	I32,
	INT_BYTES,
	isAnySet,
	leadingZeros,
	leastInts,
	loadVector,
	orBits,
	repeatWhile,
	roundedUp,
	set,
	shuffleInts,
	splatInt,
	splatNumber,
	storeVector,
	subtractInts,
	V128,
	when,
} from '../wasm/module.js';
import { NOTHING } from './pick-kernel.js';
import { GROUP } from './products-kernel.js';

const GREATEST = 0x7fffffff;

/**
 * Picks the keys with the greatest products of one query, to be looked at more closely: `group * 4 + key`, best first. The last bits of a product,
 * as many as it takes to number the keys, are not looked at (the last 9 of 28 for 512 keys); of equals the first one comes first.
 *
 * All arguments are byte addresses. From `products` to `productsEnd` (exclusive, not empty) lie int32 [groups, 4 queries, 4 keys],
 * beginning with the query's own keys. `held` gets the bytes of the picked keys, `positions` the keys.
 */
export type RankKernel = (products: number, productsEnd: number, held: number, positions: number) => void;

/** So many keys does a kernel for `size` keys write, of which the first `held` bytes count. */
export const rankedKeys = (size: number): number => roundedUp(size, GROUP);

/**
 * Compiles the kernel for `size` keys. They are held in registers, sorted; a new one is put in its place without a branch: each entry becomes the
 * greater of itself and of the smaller of its neighbour and the new one. Number and product share an integer, so that one comparison moves both.
 */
export const compileRankKernel = (memory: WebAssembly.Memory, size: number): RankKernel => {
	const [products, productsEnd, held, positions] = [0, 1, 2, 3];
	const [count, turns] = [4, 5];
	const [numberBits, numbers, keys, worst, key, aboveAll] = [6, 7, 8, 9, 10, 11];
	const ranked = Array.from({ length: rankedKeys(size) / GROUP }, (_, at) => 12 + at);
	const [first, last] = [ranked[0] as number, ranked.at(-1) as number];

	const begin: Code = [
		...assign(count, quotient(difference(get(productsEnd), get(products)), INT_BYTES * GROUP)),
		// As many ones as it takes to number the keys.
		...shiftedRightUnsigned(-1, [...difference(get(count), 1), ...leadingZeros]),
		...[...splatInt, ...set(numberBits)],
		// The first key has the greatest number, so that it wins against its equals.
		...[...get(numberBits), ...constantInts(0, 1, 2, 3), ...subtractInts, ...set(numbers)],
		...[worst, ...ranked].flatMap((entries) => [...splatNumber(NOTHING), ...set(entries)]),
		...[...splatNumber(GREATEST), ...set(aboveAll)],
	];
	/** From the last entries to the first: each needs what its neighbours were. */
	const insert: Code = ranked
		.toReversed()
		.flatMap((entries) => [
			...[...get(entries === first ? aboveAll : entries - 1), ...get(entries), ...shuffleInts(3, 4, 5, 6)],
			...[...get(key), ...leastInts, ...get(entries), ...greatestInts, ...set(entries)],
		]);
	const insertFour: Code = [
		...assign(turns, GROUP),
		...repeatWhile(
			[...get(keys), ...get(keys), ...shuffleInts(0, 0, 0, 0), ...set(key)],
			insert,
			[...get(keys), ...get(keys), ...shuffleInts(1, 2, 3, 0), ...set(keys)],
			advance(turns, -1),
			get(turns),
		),
		...[...get(last), ...get(last), ...shuffleInts(3, 3, 3, 3), ...set(worst)],
	];
	return compileKernel(
		{
			parameters: Array(4).fill(I32),
			locals: [I32, I32, ...Array(6 + ranked.length).fill(V128)],
			body: [
				...begin,
				...repeatWhile(
					[...get(products), ...loadVector(), ...get(numberBits), ...andNotBits],
					[...get(numbers), ...orBits, ...set(keys)],
					[...get(keys), ...get(worst), ...greaterInts, ...isAnySet],
					when(insertFour),
					[...get(numbers), ...splatNumber(GROUP), ...subtractInts, ...set(numbers)],
					advance(products, INT_BYTES * GROUP * GROUP),
					isLessUnsigned(get(products), get(productsEnd)),
				),
				...ranked.flatMap((entries, at) => [
					...[...get(positions), ...get(numberBits), ...get(numberBits), ...get(entries), ...andBits],
					...[...subtractInts, ...storeVector(INT_BYTES * GROUP * at)],
				]),
				...storeAt(get(held), product(smaller(get(count), size), INT_BYTES)),
			],
		},
		memory,
	);
};
