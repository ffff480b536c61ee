import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DescriptorExtractor } from '../../src/core/descriptor-map.js';
import type { Raster } from '../../src/core/frame.js';
import { openExtractor } from '../../src/features/diffusion-extractor.js';
import { findModel } from '../../src/models/registry.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import { maxDifference } from '../helpers/arrays.js';

/** A dark disk on a light ground. */
const disk = (width: number, height: number, centreX: number): Raster<3> => {
	const data = new Uint8Array(width * height * 3);
	for (let i = 0; i < width * height; i++) {
		const inside = Math.hypot((i % width) - centreX, Math.floor(i / width) - height / 2) < height / 4;
		data.set(inside ? [30, 60, 90] : [200, 190, 180], i * 3);
	}
	return { width, height, channels: 3, data };
};

describe('the bundled model', () => {
	const runtime = openRuntime({ device: 'cpu' });
	let extractor: DescriptorExtractor;
	beforeAll(async () => {
		extractor = openExtractor(await findModel(), runtime);
	});
	afterAll(() => runtime.close());

	it('gives a map of finite descriptors that keeps the aspect ratio', async () => {
		const map = await extractor.extract(disk(640, 360, 200));
		expect([map.channels, map.height, map.width]).toEqual([extractor.channels, 64, 112]);
		expect(map.data).toHaveLength(extractor.channels * 64 * 112);
		expect(map.data.every(Number.isFinite)).toBe(true);
		// Descriptors that are the same everywhere would carry nothing.
		const cell = (y: number, x: number) =>
			Array.from({ length: map.channels }, (_, c) => map.data[(c * map.height + y) * map.width + x] ?? 0);
		const onDisk = cell(32, 35);
		const onGround = cell(5, 105);
		expect(Math.hypot(...onDisk.map((value, c) => value - (onGround[c] ?? 0)))).toBeGreaterThan(0.1);
	});

	it('is deterministic', async () => {
		const image = disk(320, 320, 100);
		const [first, second] = [await extractor.extract(image), await extractor.extract(image)];
		expect(maxDifference(first.data, second.data)).toBe(0);
	});
});
