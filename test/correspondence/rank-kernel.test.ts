import { expect, it } from 'vitest';
import { compileRankKernel, rankedKeys } from '../../src/correspondence/rank-kernel.js';
import { noise } from './reference.js';

const HELD = 0;
const POSITIONS = 16;
const PRODUCTS = 4096;

/** What the kernel picks for one query, and the products [groups, 4 queries, 4 keys] it picked from. */
const rank = (query: number, size: number, groups: number, productOf: (random: number) => number) => {
	const memory = new WebAssembly.Memory({ initial: 1 });
	const random = noise(7);
	const products = Int32Array.from({ length: groups * 16 }, () => productOf(random()));
	new Int32Array(memory.buffer, PRODUCTS, products.length).set(products);
	const first = PRODUCTS + 16 * query;
	compileRankKernel(memory, size)(first, first + 64 * groups, HELD, POSITIONS);
	const held = (new Int32Array(memory.buffer, HELD, 1)[0] ?? 0) / 4;
	const keys = Array.from({ length: 4 * groups }, (_, key) => key);
	const scoreOf = (key: number): number => products[Math.floor(key / 4) * 16 + query * 4 + (key % 4)] ?? 0;
	return { keys, scoreOf, picked: [...new Int32Array(memory.buffer, POSITIONS, held)] };
};

it.each([
	[0, 32],
	[3, 16],
	[1, 5],
])('picks for query %i the %i keys with the greatest products, best first', (query, size) => {
	// Negative ones, too; far enough apart that no two are equal in the bits that count.
	const { keys, scoreOf, picked } = rank(query, size, 40, (random) => Math.round(random * 2 ** 17) * 2 ** 10);
	expect(picked).toEqual(keys.toSorted((a, b) => scoreOf(b) - scoreOf(a)).slice(0, size));
});

it('takes the first of equals', () => {
	// 160 keys are numbered with 8 bits, which do not count.
	const { picked } = rank(2, 12, 40, (random) => 1000 * 256 + Math.round(Math.abs(random) * 255));
	expect(picked).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

it('picks all keys when there are fewer than wanted', () => {
	const { picked } = rank(1, 32, 2, (random) => Math.round(random * 2 ** 27));
	expect(picked.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

it('writes whole groups of keys', () => {
	expect([rankedKeys(1), rankedKeys(4), rankedKeys(5)]).toEqual([4, 4, 8]);
});
