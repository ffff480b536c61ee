import { afterAll, describe, expect, it } from 'vitest';
import { resizeBilinear } from '../../src/core/bilinear.js';
import type { DescriptorMap } from '../../src/core/descriptor-map.js';
import { matchSmoothly } from '../../src/pairs/match-field.js';
import { matchEveryPixelAsPublished } from '../../src/pairs/paper-flow.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import { randomMap, waveMap } from './maps.js';

const runtime = openRuntime({ device: 'cpu' });
afterAll(() => runtime.close());

const described = (map: DescriptorMap, width: number, height: number) => ({ width, height, map });

/**
 * The definition: upsample both maps, normalise, compare every pixel with every allowed pixel.
 *
 * @returns by how much each target pixel's match falls short of the best there is
 */
const shortfalls = (
	source: ReturnType<typeof described>,
	target: ReturnType<typeof described>,
	found: readonly number[],
	allowed?: Uint8Array,
): number[] => {
	const [keys, queries] = [source, target].map(({ map, width, height }) => {
		const data = resizeBilinear(map.data, map.channels, map.height, map.width, height, width);
		return Array.from({ length: width * height }, (_, pixel) => {
			const raw = Array.from({ length: map.channels }, (_, c) => data[c * width * height + pixel]!);
			return raw.map((value) => value / Math.hypot(...raw));
		});
	}) as [number[][], number[][]];
	return queries.map((query, pixel) => {
		const similarities = keys.map((key, i) =>
			allowed?.[i] === 0 ? -2 : key.reduce((sum, value, c) => sum + value * query[c]!, 0),
		);
		return Math.max(...similarities) - similarities[found[pixel]!]!;
	});
};

describe('the dense warp as in the paper', () => {
	it.each([
		['the whole image', undefined],
		['a mask of the source', Uint8Array.from({ length: 32 * 21 }, (_, i) => (i % 32 < 15 ? 1 : 0))],
	])('finds what comparing all pixels with all finds: %s', async (_, mask) => {
		const source = described(randomMap(6, 5, 8, 1), 32, 21);
		const target = described(randomMap(6, 7, 5, 2), 19, 26);
		const flow = await matchEveryPixelAsPublished(source, target, runtime, { source: mask });
		const pixels = Array.from(
			{ length: 19 * 26 },
			(_, i) => flow.positions[i * 2 + 1]! * 32 + flow.positions[i * 2]!,
		);
		// Pixels beyond the outermost cells' centres are equally good, so it is the similarity that must be the best.
		expect(Math.max(...shortfalls(source, target, pixels, mask))).toBeLessThan(1e-6);
	});

	it('leaves out what lies outside the mask of the target', async () => {
		const image = described(randomMap(6, 4, 4, 3), 12, 12);
		const mask = Uint8Array.from({ length: 144 }, (_, i) => (i < 72 ? 1 : 0));
		const flow = await matchEveryPixelAsPublished(image, image, runtime, { target: mask });
		expect(Array.from(flow.confidence)).toEqual(Array.from(mask));
		expect(flow.positions.subarray(144).every(Number.isNaN)).toBe(true);
	});
});

/** Mean and largest distance from the true positions in cells, a margin of the image left out. */
const errorOf = (
	flow: Awaited<ReturnType<typeof matchSmoothly>>,
	truth: (x: number, y: number) => readonly [number, number],
	cellPixels: number,
): number => {
	let [sum, count] = [0, 0];
	for (let y = 0; y < flow.height; y++) {
		for (let x = 0; x < flow.width; x++) {
			const [tx, ty] = truth(x, y);
			const margin = 3 * cellPixels;
			if (tx > margin && ty > margin && tx < flow.width - margin && ty < flow.height - margin) {
				const i = (y * flow.width + x) * 2;
				sum += Math.hypot(flow.positions[i]! - tx, flow.positions[i + 1]! - ty);
				count++;
			}
		}
	}
	return sum / count / cellPixels;
};

describe('the smooth warp', () => {
	it('is the identity between equal images', async () => {
		const image = described(waveMap(24, 24, 32), 160, 120);
		const flow = await matchSmoothly(image, image, runtime);
		expect(errorOf(flow, (x, y) => [x, y], 5)).toBeLessThan(0.01);
	});

	it('follows an affine map to a fraction of a cell', async () => {
		const [width, height] = [200, 150];
		const affine = (u: number, v: number): [number, number] => [
			0.85 * u + 0.12 * v + 0.03,
			-0.1 * u + 0.9 * v + 0.08,
		];
		const source = described(waveMap(24, 30, 40), width, height);
		const target = described(waveMap(24, 30, 40, affine), width, height);
		const flow = await matchSmoothly(source, target, runtime);
		const truth = (x: number, y: number): [number, number] => {
			const [u, v] = affine((x + 0.5) / width, (y + 0.5) / height);
			return [u * width - 0.5, v * height - 0.5];
		};
		expect(errorOf(flow, truth, 5)).toBeLessThan(0.3);
	});

	it('takes only from the mask of the source', async () => {
		const image = described(waveMap(24, 12, 16), 64, 48);
		const mask = Uint8Array.from({ length: 64 * 48 }, (_, i) => (i % 64 < 20 ? 1 : 0));
		const flow = await matchSmoothly(image, image, runtime, { source: mask });
		const xs = Array.from({ length: 64 * 48 }, (_, i) => flow.positions[i * 2]!);
		expect(Math.max(...xs)).toBeLessThan(20);
	});
});
