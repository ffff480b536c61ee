import { afterAll, describe, expect, it } from 'vitest';
import type { Raster } from '../../src/core/frame.js';
import { DeviceMatcher, PyramidMatcher } from '../../src/masks/labels/cell-matcher.js';
import { LabelPropagation, type PropagatedLabels } from '../../src/masks/labels/label-propagation.js';
import { LabelPropagator } from '../../src/masks/labels/label-propagator.js';
import type { PropagationSettings } from '../../src/masks/labels/settings.js';
import { refineLabels } from '../../src/masks/refinement/refine-labels.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import type { Runtime } from '../../src/runtime/session.js';
import { smoothMap } from '../matching/reference.js';

const grid = { height: 16, width: 24 };
const settings: PropagationSettings = {
	...{ topK: 5, candidates: null, temperature: 0.05, keyframeWeight: 0.3, reappearedWeight: 0.8 },
	// Without a window both matchers see the same keys.
	...{ recentFrames: 2, radius: null, keyframeRadius: null, feedBack: 'refined' as const },
	refinement: { iterations: 5, colourSigma: 0.05, smoothness: 4, evidence: 1 },
};
const size = { width: 96, height: 64 };
const image: Raster<3> = { ...size, channels: 3, data: new Uint8Array(96 * 64 * 3).fill(90) };
/** A box, somewhat left of the middle. */
const mask = {
	...{ ...size, palette: new Uint8Array(768) },
	ids: Uint8Array.from({ length: 96 * 64 }, (_, at) =>
		at % 96 > 20 && at % 96 < 56 && at > 96 * 16 && at < 96 * 48 ? 3 : 0,
	),
};
/** The descriptors of a frame: those before it, moved by a cell. */
const describeFrame = (frame: number) => smoothMap(grid, 32, frame);
const runtime = openRuntime({ device: 'cpu' });

const open = (on: Runtime = runtime) =>
	new LabelPropagator({ extract: async () => describeFrame(0) }, on, settings);
const propagator = open();
/** One that is told that its CPU is a device. */
const onDevice = open(
	new Proxy(runtime, {
		get: (target, name) => {
			const value: unknown = name === 'device' ? 'webgpu' : Reflect.get(target, name, target);
			return typeof value === 'function' ? value.bind(target) : value;
		},
	}),
);
afterAll(async () => {
	await propagator.close();
	await onDevice.close();
	await runtime.close();
});

/** A pass of some frames, each asked for before the one before has come. */
const pass = async (with_: LabelPropagator, frames: number): Promise<PropagatedLabels[]> => {
	await with_.begin({ frame: 0, objects: [3], done: [] });
	await with_.remember(0, describeFrame(0), mask);
	return Promise.all(
		Array.from({ length: frames }, (_, at) => with_.next(at + 1, describeFrame(at + 1), image)),
	);
};

const area = (ids: Uint8Array): number => ids.filter((id) => id === 3).length;

describe('LabelPropagator', () => {
	it('carries the object along with its descriptors', async () => {
		const [, , third] = await pass(propagator, 3);
		expect(area(third?.ids ?? new Uint8Array())).toBeGreaterThan(0.8 * area(mask.ids));
		expect(third?.confidence).toBeGreaterThan(0.8);
		// Each frame's descriptors are moved by a cell of 4 pixels.
		const columns = (ids: Uint8Array) => [...ids].flatMap((id, at) => (id === 3 ? [at % 96] : []));
		const middle = (ids: Uint8Array) => columns(ids).reduce((a, b) => a + b, 0) / area(ids);
		expect(Math.abs(middle(third?.ids ?? mask.ids) - middle(mask.ids))).toBeGreaterThan(6);
	});

	it('finds in its worker what the same steps find one after the other', async () => {
		const inline = new LabelPropagation(new PyramidMatcher(settings), settings, (labels, on) =>
			refineLabels(labels, on, settings.refinement),
		);
		inline.begin({ objects: [3], done: [] });
		await inline.remember(describeFrame(0), mask);
		const found = await pass(propagator, 4);
		for (const [at, { ids, remembered }] of found.entries()) {
			const expected = await inline.next(describeFrame(at + 1), image);
			expect(ids).toEqual(expected.ids);
			expect(remembered).toEqual(expected.remembered);
		}
	});

	it('agrees with a device, which compares all keys as this does without candidates', async () => {
		const [a, b] = [await pass(propagator, 4), await pass(onDevice, 4)];
		for (const [at, { ids, confidence }] of a.entries()) {
			const differing = ids.filter((id, pixel) => id !== b[at]?.ids[pixel]).length;
			// Equally good keys may be taken in another order.
			expect(differing).toBeLessThan(0.01 * ids.length);
			expect(confidence).toBeCloseTo(b[at]?.confidence ?? 0, 2);
		}
	});

	it.each([
		['the worker', propagator],
		['a device', onDevice],
	])('goes on behind frames that are done, on %s', async (_, with_) => {
		const found = await pass(with_, 4);
		const done = found.slice(0, 3).map(({ confidence }, at) => ({ frame: at + 1, confidence }));
		expect(await with_.begin({ frame: 0, objects: [3], done })).toEqual([2, 3]);
		await with_.remember(0, describeFrame(0), mask);
		for (const frame of [2, 3]) {
			await with_.remember(frame, describeFrame(frame), found[frame - 1]!);
		}
		expect((await with_.next(4, describeFrame(4), image)).ids).toEqual(found[3]?.ids);
	});

	it('blends two passes: all of one, all of the other, or what both say', async () => {
		const [a, , b] = await pass(propagator, 3);
		if (a === undefined || b === undefined) {
			throw new Error('Three frames were asked for.');
		}
		expect((await propagator.blend(a, b, 0, image)).ids).toEqual(a.ids);
		expect((await propagator.blend(a, b, 1, image)).ids).toEqual(b.ids);
		const { ids, confidence } = await propagator.blend(a, b, 0.5, image);
		const both = ids.filter((_, at) => a.ids[at] === 3 && b.ids[at] === 3);
		expect(area(both)).toBeGreaterThan(0.98 * both.length);
		expect(confidence).toBeCloseTo((a.confidence + b.confidence) / 2);
	});

	it('frees what a device holds', async () => {
		let held = 0;
		const matcher = new DeviceMatcher(runtime, settings);
		const watched = new LabelPropagation(
			{
				add: async (map) => {
					const cells = await matcher.add(map);
					held++;
					return {
						...cells,
						free: () => {
							held--;
							cells.free();
						},
					};
				},
				match: (...query) => matcher.match(...query),
				close: () => matcher.close(),
			},
			settings,
			(labels, on) => refineLabels(labels, on, settings.refinement),
		);
		watched.begin({ objects: [3], done: [] });
		await watched.remember(describeFrame(0), mask);
		for (let frame = 1; frame < 6; frame++) {
			await watched.next(describeFrame(frame), image);
		}
		// The painted frame and the last two.
		expect(held).toBe(3);
		await watched.close();
		expect(held).toBe(0);
	});
});
