import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Keyframe } from '../../src/core/frame.js';
import { regionSimilarity } from '../../src/evaluation/mask-measures.js';
import { propagateKeyframes } from '../../src/masks/propagate-keyframes.js';
import { MaskTracker, type TrackedMasks } from '../../src/masks/tracker/mask-tracker.js';
import { type Clip, openClip } from '../../src/media/clip.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { readLabelMap } from '../../src/media/label-map.js';
import { RunFrames } from '../../src/media/run-frames.js';
import type { FrameStore } from '../../src/store/frame-store.js';
import type { PassStores } from '../../src/store/pass-stores.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { drawScene, type Scene, writeScene } from '../helpers/textured-clip.js';

const sample = join(import.meta.dirname, '../../samples/bear');
const FRAMES = 12;

/** Stores in memory, by pass. */
const storesInMemory = () => {
	const passes = new Map<string, Map<number, TrackedMasks>>();
	const stores: PassStores = {
		pass: <Masks>(own: Keyframe, helper: Keyframe | undefined, direction: string) => {
			const name = `${own.frame} ${helper?.frame ?? ''} ${direction}`;
			const pass = passes.get(name) ?? new Map<number, TrackedMasks>();
			passes.set(name, pass);
			const store: FrameStore<TrackedMasks> = {
				get: async (frame) => pass.get(frame),
				put: async (frame, mask) => {
					pass.set(frame, mask);
				},
			};
			return store as unknown as FrameStore<Masks>;
		},
		length: { get: async () => FRAMES, put: async () => undefined },
	};
	return { passes, stores };
};

/** Mean IoU of all objects with the truth of a sample's frame. */
const overlap = (ids: Uint8Array, truth: Uint8Array, objects: readonly number[]): number => {
	const binary = (map: Uint8Array, id: number) => map.map((value) => (value === id ? 1 : 0));
	const scores = objects.map((id) => {
		const [found, true_] = [binary(ids, id), binary(truth, id)];
		return regionSimilarity({ data: true_ } as never, { data: found } as never);
	});
	return scores.reduce((sum, score) => sum + score, 0) / scores.length;
};

describe('MaskTracker', () => {
	let clip: Clip;
	let tracker: MaskTracker;
	const truth = async (frame: number) =>
		readLabelMap(join(sample, `truth/${String(frame).padStart(5, '0')}.png`));
	const keyframe = async (frame: number): Promise<Keyframe> => ({ frame, mask: await truth(frame) });

	afterAll(() => tracker.close());

	const track = async (frames: readonly number[], stores: PassStores = storesInMemory().stores) => {
		const keyframes = await Promise.all(frames.map(keyframe));
		const range = { end: { frame: FRAMES } };
		const found = [];
		for await (const masked of propagateKeyframes({
			frames: new RunFrames(clip, range, true),
			...{ keyframes, propagator: tracker, stores },
			objects: [1],
			palette: new Uint8Array(768),
		})) {
			found.push(masked);
		}
		return found;
	};

	const { passes, stores: stored } = storesInMemory();
	/** From the first frame on, and kept in the stores. */
	let whole: Awaited<ReturnType<typeof track>>;
	beforeAll(async () => {
		clip = await openClip(join(sample, 'clip.mp4'));
		tracker = await MaskTracker.open({ quality: 'fast' });
		whole = await track([0], stored);
	});

	it('keeps the object, and gives the painted frame back as it was painted', async () => {
		expect(whole.map(({ frame }) => frame.index)).toEqual([...Array(FRAMES).keys()]);
		expect(whole[0]?.painted).toBe(true);
		expect(whole[0]?.mask.ids).toEqual((await truth(0)).ids);
		for (const { frame, mask } of whole) {
			expect(overlap(mask.ids, (await truth(frame.index)).ids, [1])).toBeGreaterThan(0.85);
		}
	});

	it('finds the same masks to the byte when it goes on from what an earlier run has stored', async () => {
		// As if the run had been stopped behind frame 7, when frame 5 was kept in memory.
		for (const pass of passes.values()) {
			for (let frame = 8; frame < FRAMES; frame++) {
				pass.delete(frame);
			}
		}
		const again = await track([0], stored);
		expect(again.map(({ computed }) => computed)).toEqual([...Array(FRAMES).keys()].map((i) => i > 7));
		expect(again.map(({ mask }) => Buffer.from(mask.ids).toString('base64'))).toEqual(
			whole.map(({ mask }) => Buffer.from(mask.ids).toString('base64')),
		);
	});

	it('tracks backwards from a later frame, and from both sides between two', async () => {
		const found = await track([4, 9]);
		expect(found.filter(({ painted }) => painted).map(({ frame }) => frame.index)).toEqual([4, 9]);
		for (const { frame, mask } of found) {
			expect(overlap(mask.ids, (await truth(frame.index)).ids, [1])).toBeGreaterThan(0.85);
		}
	});

	it('computes nothing again beyond the neighbours of a new keyframe', async () => {
		const { stores } = storesInMemory();
		await track([2, 9], stores);
		const again = await track([0, 2, 9], stores);
		const computed = again.filter((masked) => masked.computed).map(({ frame }) => frame.index);
		expect(computed).toEqual([1]);
	});

	it('tracks more objects than go through its graphs together, and keeps each one', async () => {
		const folder = temporaryFolder();
		await writeScene(folder, slidingTiles, 4);
		const { mask } = drawScene(slidingTiles, 0);
		const objects = [...Array(20).keys()].map((tile) => 1 + tile * 12);
		const frames = new RunFrames(await openClip(folder), {}, true);
		const { stores } = storesInMemory();
		const keyframes = [{ frame: 0, mask }];
		for await (const found of propagateKeyframes({
			...{ frames, keyframes, propagator: tracker, stores, objects, palette: davisPalette },
		})) {
			const truth = drawScene(slidingTiles, found.frame.index).mask.ids;
			for (const id of objects) {
				expect(overlap(found.mask.ids, truth, [id]), `object ${id}`).toBeGreaterThan(0.7);
			}
		}
	});
});

/** Twenty squares of 28 pixels with ids up to 229, side by side, that go a pixel a frame to the right. */
const slidingTiles: Scene = {
	width: 240,
	height: 192,
	at: (frame, x, y) => {
		const [u, v] = [x - 10 - frame, y - 10];
		const [column, row] = [Math.floor(u / 46), Math.floor(v / 46)];
		const isTile = u >= 0 && v >= 0 && column < 5 && row < 4 && u % 46 < 28 && v % 46 < 28;
		return isTile ? { id: 1 + (row * 5 + column) * 12, u: u % 46, v: v % 46 } : { id: 0, u: x, v: y };
	},
};
