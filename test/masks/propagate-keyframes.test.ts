import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Keyframe, LabelMap } from '../../src/core/frame.js';
import { classicalExtractor } from '../../src/evaluation/classical-descriptors.js';
import { LabelPropagator } from '../../src/masks/labels/label-propagator.js';
import { type MaskedFrame, propagateKeyframes } from '../../src/masks/propagate-keyframes.js';
import type { PassMasks, PassStart, Propagator } from '../../src/masks/propagator.js';
import { openClip } from '../../src/media/clip.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { RunFrames } from '../../src/media/run-frames.js';
import { loadPreset } from '../../src/presets/preset.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import { openPassStores } from '../../src/store/pass-stores.js';
import { collect } from '../helpers/collect.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { drawScene, slidingSquare, writeScene } from '../helpers/textured-clip.js';

const FRAMES = 11;

const truth = (frame: number): LabelMap => drawScene(slidingSquare, frame).mask;
const keyframe = (frame: number, mask = truth(frame)): Keyframe => ({ frame, mask });

/** Everything but the model is the real thing: descriptors are the classical ones, which take no time. */
const run = async (
	folder: string,
	keyframes: readonly Keyframe[],
	home: string,
	spare?: string,
): Promise<MaskedFrame[]> => {
	const clip = await openClip(folder);
	const { propagation: settings } = await loadPreset(undefined);
	const runtime = openRuntime({ device: 'cpu' });
	const propagator = new LabelPropagator(classicalExtractor(), runtime, settings);
	const identity = {
		...{ clip: folder, range: '', model: 'classical', device: 'cpu', ffmpeg: '' },
		settings: propagator.identity,
	};
	try {
		return await collect(
			propagateKeyframes({
				...{ propagator, keyframes, objects: [1] },
				frames: new RunFrames(clip, {}, keyframes.length > 1),
				palette: davisPalette,
				stores: await openPassStores(identity, home, spare),
			}),
		);
	} finally {
		await propagator.close();
		await runtime.close();
	}
};

/** Intersection over union of the object's two masks. */
const agreement = (a: Uint8Array, b: Uint8Array): number => {
	const inBoth = a.filter((id, pixel) => id === 1 && b[pixel] === 1).length;
	return inBoth / a.filter((id, pixel) => id === 1 || b[pixel] === 1).length;
};
const quality = (masks: readonly MaskedFrame[]): number =>
	Math.min(...masks.map(({ frame, mask }) => agreement(mask.ids, truth(frame.index).ids)));
const computed = (masks: readonly MaskedFrame[]): number[] =>
	masks.filter((mask) => mask.computed).map(({ frame }) => frame.index);
const idsOf = (masks: readonly MaskedFrame[]): Uint8Array[] => masks.map(({ mask }) => mask.ids);

// A few seconds each on an idle machine; inference threads share few cores with everything else in CI.
describe('masks painted on several frames', { timeout: 240_000 }, () => {
	it('are carried both ways from each, and come back themselves', async () => {
		const clip = join(temporaryFolder(), 'frames');
		await writeScene(clip, slidingSquare, FRAMES);
		// Not the true mask, to see that it is given back as it is.
		const painted = truth(8);
		painted.ids[0] = 1;
		const masks = await run(clip, [keyframe(2), keyframe(8, painted)], temporaryFolder());
		expect(masks.map(({ frame }) => frame.index)).toEqual([...Array(FRAMES).keys()]);
		expect(masks[8]?.mask.ids).toEqual(painted.ids);
		expect(masks.filter((mask) => mask.painted).map(({ frame }) => frame.index)).toEqual([2, 8]);
		expect(quality(masks)).toBeGreaterThan(0.75);
	});

	it('cost only what a new one changes, with the results of a run from nothing', async () => {
		const clip = join(temporaryFolder(), 'frames');
		await writeScene(clip, slidingSquare, FRAMES);
		const home = temporaryFolder();
		const first = await run(clip, [keyframe(0), keyframe(6)], home);
		expect(computed(first)).toEqual([1, 2, 3, 4, 5, 7, 8, 9, 10]);

		const again = await run(clip, [keyframe(0), keyframe(6)], home);
		expect(computed(again)).toEqual([]);
		expect(idsOf(again)).toEqual(idsOf(first));

		const corrected = await run(clip, [keyframe(0), keyframe(6), keyframe(9)], home);
		expect(computed(corrected).every((index) => index > 6)).toBe(true);
		expect(idsOf(corrected).slice(0, 7)).toEqual(idsOf(first).slice(0, 7));
		const fromNothing = await run(clip, [keyframe(0), keyframe(6), keyframe(9)], temporaryFolder());
		expect(idsOf(corrected)).toEqual(idsOf(fromNothing));
	});

	it('give way to the nearer one where they contradict each other', async () => {
		const clip = join(temporaryFolder(), 'frames');
		await writeScene(clip, slidingSquare, 21);
		const home = temporaryFolder();
		const nothing: LabelMap = { ...truth(20), ids: truth(20).ids.map(() => 0) };
		const masks = await run(clip, [keyframe(0), keyframe(20, nothing)], home);
		// The square is there in the first half, which is nearer to the mask that shows it, and not in the other.
		const visible = masks.map(({ mask }) => mask.ids.includes(1));
		expect([visible[6], visible[14]]).toEqual([true, false]);
	});

	it('may be of the last frame, or of the only one', async () => {
		const folder = temporaryFolder();
		await writeScene(join(folder, 'four'), slidingSquare, 4);
		const masks = await run(join(folder, 'four'), [keyframe(0), keyframe(3)], temporaryFolder());
		expect(masks.map(({ frame, painted }) => [frame.index, painted])).toEqual([
			[0, true],
			[1, false],
			[2, false],
			[3, true],
		]);
		await writeScene(join(folder, 'one'), slidingSquare, 1);
		expect(await run(join(folder, 'one'), [keyframe(0)], temporaryFolder())).toHaveLength(1);
	});

	it('may show an object that was not there before', async () => {
		const clip = join(temporaryFolder(), 'frames');
		await writeScene(clip, slidingSquare, 9);
		const nothing: LabelMap = { ...truth(0), ids: truth(0).ids.map(() => 0) };
		const masks = await run(clip, [keyframe(0, nothing), keyframe(6)], temporaryFolder());
		expect(masks[0]?.mask.ids.every((id) => id === 0)).toBe(true);
		expect(quality(masks.slice(6))).toBeGreaterThan(0.75);
		expect(agreement(masks[5]?.mask.ids ?? new Uint8Array(), truth(5).ids)).toBeGreaterThan(0.75);
	});
});

describe('the pass behind the last keyframe', () => {
	/** Remembers what it was told; masks say which pass found them. */
	const spy = () => {
		const starts: PassStart[] = [];
		const remembered: number[][] = [];
		const propagator: Propagator<string, PassMasks & { readonly from: number }> = {
			identity: 'spy',
			describe: async () => '',
			begin: async (start) => {
				starts.push(start);
				remembered.push([]);
				return (start.known ?? []).map(({ frame }) => frame);
			},
			remember: async (frame, _, masks) => {
				remembered.at(-1)?.push(frame, ...('from' in masks ? [masks.from] : []));
			},
			next: async () => ({ confidence: 0.5, from: starts.at(-1)?.frame ?? -1 }),
			blend: async (a) => a,
			idsOf: (_, __, { width, height }) => new Uint8Array(width * height),
			close: async () => undefined,
		};
		return { propagator, starts, remembered };
	};

	it('remembers frames between the last two, each as the nearer side found it; no other pass does', async () => {
		const folder = join(temporaryFolder(), 'frames');
		await writeScene(folder, slidingSquare, 14);
		const { propagator, starts, remembered } = spy();
		const home = temporaryFolder();
		const identity = { clip: '', range: '', model: '', device: '', ffmpeg: '', settings: 'spy' };
		await collect(
			propagateKeyframes({
				...{ propagator, keyframes: [keyframe(0), keyframe(4), keyframe(12)], objects: [1] },
				frames: new RunFrames(await openClip(folder), {}, true),
				palette: davisPalette,
				stores: await openPassStores(identity, home),
			}),
		);
		expect(starts.map(({ frame, known = [] }) => [frame, known.map((each) => each.frame)])).toEqual([
			...[4, 0, 12, 4].map((frame) => [frame, []]),
			[12, [6, 8, 10]],
		]);
		// Painted frames first, then those in between, with the painted frame from which they were found.
		expect(remembered.at(-1)).toEqual([12, 4, 6, 4, 8, 12, 10, 12]);
	});
});

describe('results of earlier runs', { timeout: 400_000 }, () => {
	const painted = [keyframe(0), keyframe(5), keyframe(9)];
	/** Bytes of a file, changed. */
	const harm = (path: string, how: (bytes: Buffer) => Buffer): void =>
		writeFileSync(path, how(readFileSync(path)));

	it('that were harmed are computed anew, quietly, and those that can’t be kept go elsewhere', async () => {
		const clip = join(temporaryFolder(), 'frames');
		await writeScene(clip, slidingSquare, FRAMES);
		const home = temporaryFolder();
		const first = await run(clip, painted, home);
		const files = readdirSync(home, { recursive: true, encoding: 'utf8' })
			.filter((name) => name.endsWith('.bin'))
			.map((name) => join(home, name));
		for (const [at, path] of files.entries()) {
			harm(path, (bytes) =>
				at % 3 === 0
					? bytes.fill(0, Math.floor(bytes.length / 2))
					: at % 3 === 1
						? readFileSync(files[0] ?? path)
						: bytes.subarray(0, bytes.length - 3),
			);
		}
		expect(idsOf(await run(clip, painted, home))).toEqual(idsOf(first));
		// A file where the folder should be: nothing can be kept there.
		const file = join(temporaryFolder(), 'file');
		writeFileSync(file, '');
		expect(idsOf(await run(clip, painted, join(file, 'runs'), temporaryFolder()))).toEqual(idsOf(first));
	});
});
