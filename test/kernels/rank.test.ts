import { expect, it } from 'vitest';
import { intsAt, openKernels } from '../../src/kernels/kernels.js';
import { noise } from '../matching/reference.js';

/** What the kernel picks for one query from products [groups, 4 queries, 4 keys]. */
const rank = (query: number, size: number, groups: number, productOf: (random: number) => number) => {
	const kernels = openKernels();
	const random = noise(7);
	const products = Int32Array.from({ length: groups * 16 }, () => productOf(random()));
	const first = kernels.allocate(products.byteLength);
	const picked = kernels.allocate(16 * Math.ceil(size / 4));
	intsAt(kernels, first, products.length).set(products);
	const from = first + 16 * query;
	const held = kernels.rank(from, from + products.byteLength, picked, size);
	const keys = Array.from({ length: 4 * groups }, (_, key) => key);
	const scoreOf = (key: number): number => products[Math.floor(key / 4) * 16 + query * 4 + (key % 4)] ?? 0;
	return { keys, scoreOf, picked: [...intsAt(kernels, picked, held)] };
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
