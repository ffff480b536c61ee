import { describe, expect, it, vi } from 'vitest';
import { matchingFlops } from '../../bench/matching-flops.js';
import { BlockMatcher } from '../../src/correspondence/block-matcher.js';
import { GROUP, paddedChannels } from '../../src/correspondence/products-kernel.js';
import { gaussianNoise } from '../../src/diffusion/gaussian-noise.js';

/** Groups of keys that the matcher's kernel was really given. */
const counter = vi.hoisted(() => ({ groups: 0 }));
vi.mock('../../src/correspondence/products-kernel.js', async (importOriginal) => {
	const original = await importOriginal<typeof import('../../src/correspondence/products-kernel.js')>();
	return {
		...original,
		compileProductsKernel: (channels: number, memory: WebAssembly.Memory) => {
			const kernel = original.compileProductsKernel(channels, memory);
			return (queries: number, list: number, listEnd: number, out: number) => {
				counter.groups += (listEnd - list) / 4;
				kernel(queries, list, listEnd, out);
			};
		},
	};
});

describe('the count of the matcher’s operations', () => {
	it.each([
		{ candidates: 16, radii: [20, 20] },
		{ candidates: 8, radii: [Number.POSITIVE_INFINITY] },
		{ candidates: null, radii: [3, 9] },
	])('is what its kernel does with $candidates candidates', ({ candidates, radii }) => {
		const [channels, height, width] = [12, 30, 53];
		const matcher = new BlockMatcher({ height, width }, channels, {
			k: 5,
			candidates: candidates ?? undefined,
		});
		const stored = [0, ...radii].map((_, seed) =>
			matcher.store({ channels, height, width, data: gaussianNoise(channels * height * width, seed) }),
		);
		const [query, ...keys] = stored as [(typeof stored)[0], ...typeof stored];
		counter.groups = 0;
		matcher.match(
			query,
			keys.map((descriptors, at) => ({ descriptors, radius: radii[at] ?? 0 })),
		);
		const done = counter.groups * 2 * GROUP * GROUP * paddedChannels(channels);
		expect(matchingFlops({ height, width }, channels, candidates, radii)).toBe(done);
	});
});
