import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { classicalExtractor } from '../../src/baselines/classical-descriptors.js';
import type { DescriptorMap } from '../../src/hyperfeatures/descriptor-map.js';
import { openClip } from '../../src/media/clip.js';
import { loadPreset } from '../../src/presets/load-preset.js';
import { LabelThread } from '../../src/propagation/label-thread.js';
import {
	type MaskedFrame,
	type PropagateMasksOptions,
	propagateMasks,
} from '../../src/propagation/propagate-masks.js';
import type { Vote } from '../../src/propagation/vote.js';
import type { StoredFrame, Witness } from '../../src/propagation/voter.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { drawScene, slidingSquare, writeScene } from '../helpers/textured-clip.js';

const { propagation: settings } = await loadPreset(undefined);
const runtime = openRuntime({ device: 'cpu' });

/** The real thread, and what it holds and has been asked for. */
class WatchedThread extends LabelThread {
	readonly held = new Set<number>();
	votes = 0;

	override async store(map: DescriptorMap): Promise<StoredFrame> {
		const stored = await super.store(map);
		this.held.add(stored.handle);
		return {
			...stored,
			free: () => {
				this.held.delete(stored.handle);
				stored.free();
			},
		};
	}

	override vote(
		query: StoredFrame,
		keyframes: readonly Witness[],
		recent: readonly Witness[],
	): Promise<Vote> {
		this.votes++;
		return super.vote(query, keyframes, recent);
	}
}

describe('carrying a mask', () => {
	const thread = new WatchedThread(settings);
	afterAll(async () => {
		await thread.close();
		await runtime.close();
	});

	/** The first so many frames of a clip of twelve; then the consumer stops. */
	const firstFrames = async (
		count: number,
		options: Pick<PropagateMasksOptions, 'goesOn'> = {},
	): Promise<MaskedFrame[]> => {
		const folder = join(temporaryFolder(), 'frames');
		await writeScene(folder, slidingSquare, 12);
		const frames: MaskedFrame[] = [];
		for await (const frame of propagateMasks({
			...{ runtime, settings, thread },
			frames: (await openClip(folder)).frames(),
			mask: drawScene(slidingSquare, 0).mask,
			extractor: classicalExtractor(),
			...options,
		})) {
			frames.push(frame);
			if (frames.length === count) {
				break;
			}
		}
		return frames;
	};

	it('frees all that the thread holds, also when the consumer stops in the middle', async () => {
		await firstFrames(5);
		expect(thread.held.size).toBe(0);
		await firstFrames(99);
		expect(thread.held.size).toBe(0);
	});

	it('begins a frame before the one before it is done, unless it may not be wanted', async () => {
		thread.votes = 0;
		const ahead = await firstFrames(5);
		expect(thread.votes).toBeGreaterThan(4);
		thread.votes = 0;
		const careful = await firstFrames(5, { goesOn: (index) => index < 4 });
		expect(thread.votes).toBe(4);
		expect(careful.map(({ mask }) => mask.ids)).toEqual(ahead.map(({ mask }) => mask.ids));
	});
});
