import { expect, it } from 'vitest';
import { intsAt, openKernels } from '../../src/kernels/kernels.js';
import { noise } from '../matching/reference.js';

const GROUPS = 40;

type Grid = { readonly height: number; readonly width: number };
/** All groups are blocks with four cells. */
const WHOLE: Grid = { height: 2, width: 2 * GROUPS };
/** As many blocks, whose third and fourth cells do not exist. */
const HALVED: Grid = { height: 1, width: 2 * GROUPS };

/** What the kernel picks for one query, and how many of the keys there are. */
const pick = (query: number, size: number, { groups = GROUPS, grid = WHOLE } = {}) => {
	const kernels = openKernels();
	kernels.openMatcher(grid.height, grid.width, 8, 1, 0);
	const random = noise(7);
	// Few different values, so that many are equal.
	const products = Int32Array.from({ length: groups * 16 }, () => Math.round(random() * 50));
	const first = kernels.allocate(products.byteLength);
	const [keys, scores, blocks] = [size, size, groups].map((length) => kernels.allocate(4 * length)) as [
		number,
		number,
		number,
	];
	intsAt(kernels, first, products.length).set(products);
	// A row's blocks: two of the first square, two of the second one, and so on.
	intsAt(kernels, blocks, groups).set(Array.from({ length: groups }, (_, at) => 4 * (at >> 1) + (at & 1)));
	const from = first + 16 * query;
	const held = kernels.pick(from, from + products.byteLength, keys, scores, size, blocks);
	const scoreOf = (key: number): number => products[Math.floor(key / 4) * 16 + query * 4 + (key % 4)] ?? 0;
	return {
		picked: [...intsAt(kernels, keys, held)],
		scores: [...intsAt(kernels, scores, held)],
		scoreOf,
		byScore: Array.from({ length: 4 * groups }, (_, key) => key).sort(
			(a, b) => scoreOf(b) - scoreOf(a) || a - b,
		),
	};
};

it.each([
	[0, 10],
	[3, 10],
	[2, 1],
])('picks for query %i the %i keys with the greatest products, of equals the first ones', (query, size) => {
	const { picked, scores, scoreOf, byScore } = pick(query, size);
	expect(picked).toEqual(byScore.slice(0, size));
	expect(scores).toEqual(picked.map(scoreOf));
});

it('picks all keys when there are fewer than wanted', () => {
	const { picked } = pick(1, 10, { groups: 2 });
	expect(picked.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

it('does not pick cells that do not exist, however great their products', () => {
	const { picked, byScore } = pick(1, 10, { grid: HALVED });
	expect(picked).toEqual(byScore.filter((key) => key % 4 < 2).slice(0, 10));
});
