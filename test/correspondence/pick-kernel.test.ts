import { expect, it } from 'vitest';
import { compilePickKernel } from '../../src/correspondence/pick-kernel.js';
import { noise } from './reference.js';

const GROUPS = 40;
const HELD = 0;
const POSITIONS = 16;
const SCORES = 512;
const PRODUCTS = 1024;

/** What the kernel picks for one query, and the products [groups, 4 queries, 4 keys] it picked from. */
const pick = (query: number, size: number, groups = GROUPS) => {
	const memory = new WebAssembly.Memory({ initial: 1 });
	const random = noise(7);
	// Few different values, so that many are equal.
	const products = Int32Array.from({ length: groups * 16 }, () => Math.round(random() * 50));
	new Int32Array(memory.buffer, PRODUCTS, products.length).set(products);
	const first = PRODUCTS + 16 * query;
	compilePickKernel(memory)(first, first + 64 * groups, HELD, POSITIONS, SCORES, 4 * size, 0);
	const held = (new Int32Array(memory.buffer, HELD, 1)[0] ?? 0) / 4;
	return { products, picked: [...new Int32Array(memory.buffer, POSITIONS, held)] };
};

it.each([0, 3])(
	'picks the keys with the greatest products of query %i, of equals the first ones',
	(query) => {
		const { products, picked } = pick(query, 10);
		const scoreOf = (key: number): number => products[Math.floor(key / 4) * 16 + query * 4 + (key % 4)] ?? 0;
		const keys = Array.from({ length: 4 * GROUPS }, (_, key) => key);
		expect(picked).toEqual(keys.toSorted((a, b) => scoreOf(b) - scoreOf(a) || a - b).slice(0, 10));
	},
);

it('picks all keys when there are fewer than wanted', () => {
	const { picked } = pick(1, 10, 2);
	expect(picked.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});
