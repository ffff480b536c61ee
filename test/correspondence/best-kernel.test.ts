import { expect, it } from 'vitest';
import { compileBestKernel } from '../../src/correspondence/best-kernel.js';
import { noise } from './reference.js';

const GROUPS = 30;
const BEST = 0;
const BLOCKS = 64;
const CELLS = 1024;
const PRODUCTS = 4096;

/** Random products [groups, 4 queries, 4 keys] of few different values, and what the kernel finds in them. */
const findBest = (cells?: readonly number[]) => {
	const memory = new WebAssembly.Memory({ initial: 1 });
	const random = noise(5);
	const products = Int32Array.from({ length: GROUPS * 16 }, () => Math.round(random() * 40));
	new Int32Array(memory.buffer, PRODUCTS, products.length).set(products);
	// The groups are blocks in reverse order.
	new Int32Array(memory.buffer, BLOCKS, GROUPS).set(
		Array.from({ length: GROUPS }, (_, at) => GROUPS - 1 - at),
	);
	new Int32Array(memory.buffer, CELLS, 4 * GROUPS).set(cells ?? []);
	compileBestKernel(memory, cells && CELLS)(PRODUCTS, PRODUCTS + 64 * GROUPS, BEST, BLOCKS);
	const found = new Int32Array(memory.buffer, BEST, 8);
	return { products, keys: [...found.subarray(0, 4)], scores: [...found.subarray(4)] };
};

/** As one would write it down: the first key with the greatest product, among those that may be found. */
const expected = (products: Int32Array, query: number, mayFind: (key: number) => boolean = () => true) => {
	let best = { key: -1, score: Number.NEGATIVE_INFINITY };
	for (let key = 0; key < 4 * GROUPS; key++) {
		const score = products[Math.floor(key / 4) * 16 + query * 4 + (key % 4)] ?? 0;
		if (score > best.score && mayFind(key)) {
			best = { key, score };
		}
	}
	return best;
};

it('finds the first key with the greatest product of each of four queries', () => {
	const { products, keys, scores } = findBest();
	for (const query of [0, 1, 2, 3]) {
		expect({ key: keys[query], score: scores[query] }).toEqual(expected(products, query));
	}
});

it('does not find cells that do not exist, however great their products', () => {
	// Of each block only the third cell exists.
	const { products, keys, scores } = findBest(
		Array.from({ length: 4 * GROUPS }, (_, at) => (at % 4 === 2 ? at : -1)),
	);
	for (const query of [0, 1, 2, 3]) {
		const best = expected(products, query, (key) => key % 4 === 2);
		expect({ key: keys[query], score: scores[query] }).toEqual(best);
	}
});
