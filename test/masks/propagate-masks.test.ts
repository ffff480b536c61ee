import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { classicalExtractor } from '../../src/evaluation/classical-descriptors.js';
import { propagateMasks } from '../../src/masks/labels/propagate-masks.js';
import type { MaskedFrame } from '../../src/masks/propagate-keyframes.js';
import { openClip } from '../../src/media/clip.js';
import { loadPreset } from '../../src/presets/preset.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { drawScene, slidingSquare, writeScene } from '../helpers/textured-clip.js';

const runtime = openRuntime({ device: 'cpu' });
afterAll(() => runtime.close());

/** The first so many frames of a clip of twelve; then the consumer stops. */
const firstFrames = async (count: number): Promise<MaskedFrame[]> => {
	const folder = join(temporaryFolder(), 'frames');
	await writeScene(folder, slidingSquare, 12);
	const { propagation: settings } = await loadPreset(undefined);
	const frames: MaskedFrame[] = [];
	const masked = propagateMasks({
		...{ runtime, settings, extractor: classicalExtractor() },
		frames: (await openClip(folder)).frames(),
		mask: drawScene(slidingSquare, 0).mask,
	});
	for await (const frame of masked) {
		frames.push(frame);
		if (frames.length === count) {
			break;
		}
	}
	return frames;
};

it('carries a mask through a clip, as far as it is asked for', async () => {
	const whole = await firstFrames(99);
	expect(whole.map(({ frame }) => frame.index)).toEqual([...Array(12).keys()]);
	expect(whole[0]?.mask.ids).toEqual(drawScene(slidingSquare, 0).mask.ids);
	for (const { frame, mask, confidence } of whole) {
		const truth = drawScene(slidingSquare, frame.index).mask.ids;
		const wrong = truth.filter((id, pixel) => mask.ids[pixel] !== id).length;
		expect(wrong).toBeLessThan(0.04 * truth.length);
		expect(confidence).toBeGreaterThan(0.5);
	}
	const part = await firstFrames(5);
	expect(part.map(({ mask }) => mask.ids)).toEqual(whole.slice(0, 5).map(({ mask }) => mask.ids));
});
