import { expect, it } from 'vitest';
import { kMeans } from '../../src/pairs/k-means.js';

it('finds clusters that lie apart, the same every time', () => {
	const centres = [
		[0, 0],
		[10, 0],
		[0, 10],
		[10, 10],
	];
	// Around each centre, a grid of 25 points, at most 1 away.
	const vectors = centres.flatMap(([x = 0, y = 0]) =>
		Array.from({ length: 25 }, (_, i) =>
			Float32Array.of(x + (i % 5) / 4 - 0.5, y + Math.floor(i / 5) / 4 - 0.5),
		),
	);
	const clusters = kMeans(vectors, 4, 0);
	const ofCentre = centres.map((_, centre) => new Set(clusters.slice(25 * centre, 25 * (centre + 1))));
	expect(ofCentre.map((set) => set.size)).toEqual([1, 1, 1, 1]);
	expect(new Set(clusters).size).toBe(4);
	expect(kMeans(vectors, 4, 0)).toEqual(clusters);
});

it('copes with vectors that are all the same', () => {
	const clusters = kMeans(
		Array.from({ length: 5 }, () => Float32Array.of(1, 2)),
		3,
		0,
	);
	expect([...clusters].every((cluster) => cluster < 3)).toBe(true);
});
