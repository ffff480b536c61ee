import { describe, expect, it } from 'vitest';
import type { DescriptorMap } from '../../src/core/descriptor-map.js';
import { UNCERTAIN } from '../../src/core/soft-labels.js';
import { BlockMatcher } from '../../src/matching/block-matcher.js';
import type { MemoryMatches } from '../../src/matching/merge-matches.js';
import { bestSimilarities, cosine, noiseMap, smoothMap } from './reference.js';

const search = (
	query: DescriptorMap,
	frames: readonly DescriptorMap[],
	{ radius, k, candidates }: { radius: number; k: number; candidates?: number },
): MemoryMatches => {
	const matcher = new BlockMatcher(query, query.channels, { k, candidates });
	const searched = frames.map((frame) => ({ descriptors: matcher.store(frame), radius }));
	return matcher.match(matcher.store(query), searched);
};

/** Rounding to 16 bits. */
const TOLERANCE = 0.0005;

describe('exact search', () => {
	// Odd sizes: the last blocks have cells that do not exist. 20 channels: rows are padded to whole rounds.
	const grid = { height: 9, width: 13 };
	const query = noiseMap(grid, 20, 1);
	const frames = [noiseMap(grid, 20, 2), noiseMap(grid, 20, 3)];

	it('finds the best keys of all frames without a window', () => {
		const { similarities } = search(query, frames, { radius: Number.POSITIVE_INFINITY, k: 5 });
		for (let cell = 0; cell < 9 * 13; cell++) {
			const expected = bestSimilarities(query, cell, frames, Number.POSITIVE_INFINITY, 5);
			expected.forEach((similarity, rank) => {
				expect(Math.abs((similarities[cell * 5 + rank] ?? 0) - similarity)).toBeLessThan(TOLERANCE);
			});
		}
	});

	it('names the frame and the cell that each similarity belongs to', () => {
		const { owners, indices, similarities } = search(query, frames, { radius: 4, k: 3 });
		for (const [at, owner] of owners.entries()) {
			const key = frames[owner];
			const true_ = key && cosine(query, Math.floor(at / 3), key, indices[at] ?? -1);
			expect(Math.abs((true_ ?? 9) - (similarities[at] ?? 0))).toBeLessThan(TOLERANCE);
		}
	});

	it('sees every key within the radius, and none beyond the block around it', () => {
		const { indices, similarities } = search(query, frames, { radius: 3, k: 4 });
		for (let cell = 0; cell < 9 * 13; cell++) {
			const inside = bestSimilarities(query, cell, frames, 3, 4);
			inside.forEach((similarity, rank) => {
				expect(similarities[cell * 4 + rank]).toBeGreaterThan(similarity - TOLERANCE);
			});
			for (let rank = 0; rank < 4; rank++) {
				const key = indices[cell * 4 + rank] ?? -1;
				expect(Math.abs(Math.floor(key / 13) - Math.floor(cell / 13))).toBeLessThanOrEqual(5);
				expect(Math.abs((key % 13) - (cell % 13))).toBeLessThanOrEqual(5);
			}
		}
	});

	it('marks matches that do not exist when there are fewer keys than wanted', () => {
		const tiny = noiseMap({ height: 1, width: 2 }, 8, 4);
		const { owners } = search(tiny, [tiny], { radius: 1, k: 3 });
		expect([...owners]).toEqual([0, 0, -1, 0, 0, -1]);
	});

	it('finds a frame again after another one was freed and its place was used', () => {
		const matcher = new BlockMatcher(grid, 20, { k: 1, candidates: undefined });
		const [a, b] = frames as [DescriptorMap, DescriptorMap];
		matcher.store(a).free();
		const kept = matcher.store(b);
		const { similarities } = matcher.match(matcher.store(b), [{ descriptors: kept, radius: 2 }]);
		expect(Math.min(...similarities)).toBeGreaterThan(1 - TOLERANCE);
	});

	it('refuses a map of another shape', () => {
		const matcher = new BlockMatcher(grid, 20, { k: 1, candidates: undefined });
		expect(() => matcher.store(noiseMap(grid, 16, 1))).toThrow('does not fit');
	});
});

describe('search among candidates', () => {
	const grid = { height: 24, width: 40 };
	const query = smoothMap(grid, 32, 0);
	const frames = [3, 1.5, 0.7].map((shift) => smoothMap(grid, 32, shift));

	it('is the exact search when every block in the window is a candidate', () => {
		const exact = search(query, frames, { radius: 6, k: 5 });
		const all = search(query, frames, { radius: 6, k: 5, candidates: 12 * 20 * 3 });
		// The window of candidates is a little wider, so a match may be better but never worse.
		all.similarities.forEach((similarity, at) => {
			expect(similarity).toBeGreaterThanOrEqual(exact.similarities[at] ?? 1);
		});
	});

	it('loses few of the best matches, and little similarity', () => {
		const exact = search(query, frames, { radius: 6, k: 5 });
		const pruned = search(query, frames, { radius: 6, k: 5, candidates: 16 });
		let found = 0;
		let loss = 0;
		for (let cell = 0; cell < 24 * 40; cell++) {
			const key = (matches: MemoryMatches, rank: number): string =>
				`${matches.owners[cell * 5 + rank]}:${matches.indices[cell * 5 + rank]}`;
			const kept = new Set([0, 1, 2, 3, 4].map((rank) => key(pruned, rank)));
			found += [0, 1, 2, 3, 4].filter((rank) => kept.has(key(exact, rank))).length;
			loss += (exact.similarities[cell * 5] ?? 0) - (pruned.similarities[cell * 5] ?? 0);
		}
		expect(found / (24 * 40 * 5)).toBeGreaterThan(0.9);
		expect(loss / (24 * 40)).toBeLessThan(0.001);
	});

	it('finds a single match, too, and also where rows and columns of blocks are not whole', () => {
		const odd = { height: 11, width: 18 };
		const [first, ...rest] = [0, 2, 1].map((shift) => smoothMap(odd, 20, shift)) as [
			DescriptorMap,
			...DescriptorMap[],
		];
		const exact = search(first, rest, { radius: 4, k: 1 });
		const all = search(first, rest, { radius: 4, k: 1, candidates: 6 * 10 * 2 });
		all.similarities.forEach((similarity, cell) => {
			expect(similarity).toBeGreaterThanOrEqual(exact.similarities[cell] ?? 1);
			const key = rest[all.owners[cell] ?? -1]!;
			expect(Math.abs(cosine(first, cell, key, all.indices[cell] ?? -1) - similarity)).toBeLessThan(
				TOLERANCE,
			);
		});
	});

	it('finds the same with frames in another order', () => {
		const there = search(query, frames, { radius: 6, k: 1, candidates: 16 });
		const back = search(query, frames.toReversed(), { radius: 6, k: 1, candidates: 16 });
		expect([...back.similarities]).toEqual([...there.similarities]);
	});

	describe('where classes are certain', () => {
		const grid = { height: 24, width: 64 };
		// Nothing resembles anything, so that a less careful search finds less.
		const [query, key] = [noiseMap(grid, 32, 1), noiseMap(grid, 32, 2)];
		const cells = grid.height * grid.width;
		/** The left quarter and the rest are two classes; `isCertain` of a cell's column. */
		const classes = (isCertain: (x: number) => boolean): Uint8Array =>
			Uint8Array.from({ length: cells }, (_, cell) => {
				const x = cell % grid.width;
				return isCertain(x) ? (x < 16 ? 0 : 1) : UNCERTAIN;
			});
		const matchedWith = (certain: Uint8Array | undefined): MemoryMatches => {
			const matcher = new BlockMatcher(grid, 32, { k: 1, candidates: 16 });
			const certainSuperblocks = certain && matcher.certainSuperblocks(certain);
			return matcher.match(matcher.store(query), [
				{ descriptors: matcher.store(key), radius: 6, certainSuperblocks },
			]);
		};
		const careful = matchedWith(undefined);

		it('looks less carefully, but only where all that resembles a query has one class', () => {
			const { similarities } = matchedWith(classes(() => true));
			const worse = (from: number, to: number): number => {
				let count = 0;
				similarities.forEach((similarity, cell) => {
					const x = cell % grid.width;
					count += x >= from && x < to && similarity < (careful.similarities[cell] ?? 0) ? 1 : 0;
				});
				return count;
			};
			// The windows of the last eight superblocks of a row reach as far as the fifth superblock, those of the others into both classes.
			expect(worse(32, 64)).toBeGreaterThan(0);
			expect(worse(0, 32)).toBe(0);
		});

		it('looks carefully where nothing is certain', () => {
			expect([...matchedWith(classes(() => false)).similarities]).toEqual([...careful.similarities]);
		});

		it('takes a superblock for certain when all its cells are of one class', () => {
			const matcher = new BlockMatcher(grid, 32, { k: 1, candidates: 16 });
			const superblocks = matcher.certainSuperblocks(classes((x) => x !== 5));
			// The second of a row's sixteen superblocks has the uncertain column.
			expect([...superblocks.subarray(0, 16)]).toEqual([0, UNCERTAIN, 0, 0, ...Array(12).fill(1)]);
		});
	});
});
