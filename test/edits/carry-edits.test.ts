import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Frame } from '../../src/core/frame.js';
import { carryEdits, type EditedFrame, type FrameEdit } from '../../src/edits/carry-edit.js';
import type { FrameToEdit } from '../../src/edits/edit-carrier.js';
import { classicalExtractor } from '../../src/evaluation/classical-descriptors.js';
import { openFrameStore } from '../../src/store/frame-store.js';
import { collect } from '../helpers/collect.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { drawScene, type Scene } from '../helpers/textured-clip.js';

const FRAMES = 13;
/** Half the width of the edit's square, and half of the object's. */
const [PATCH, OBJECT] = [16, 34];

/** A square that turns and drifts. From `changed` on it has another look. */
const turning = (changed = FRAMES): Scene => ({
	width: 160,
	height: 120,
	at: (frame, x, y) => {
		const angle = 0.02 * frame;
		const [dx, dy] = [x - 70 - 1.3 * frame, y - 60 - 0.4 * frame];
		const u = Math.cos(angle) * dx + Math.sin(angle) * dy;
		const v = Math.cos(angle) * dy - Math.sin(angle) * dx;
		return Math.max(Math.abs(u), Math.abs(v)) < OBJECT
			? { id: 1, u: frame < changed ? u : u + 500, v }
			: { id: 0, u: x, v: y };
	},
});

/** How far a pixel of a frame lies from the object's middle, along its own axes. */
const fromMiddle = (frame: number, x: number, y: number): number => {
	const { id, u, v } = turning().at(frame, x, y);
	return id === 1 ? Math.max(Math.abs(u), Math.abs(v)) : Number.POSITIVE_INFINITY;
};

const patch = (frame: number, colour: readonly [number, number, number]): FrameEdit => {
	const { width, height } = turning();
	const data = new Uint8Array(width * height * 4);
	for (let pixel = 0; pixel < width * height; pixel++) {
		if (fromMiddle(frame, pixel % width, Math.floor(pixel / width)) < PATCH) {
			data.set([...colour, 255], pixel * 4);
		}
	}
	return { frame, layer: { width, height, channels: 4, data } };
};
const red = (frame: number): FrameEdit => patch(frame, [255, 0, 0]);
const green = (frame: number): FrameEdit => patch(frame, [0, 255, 0]);

const carry = async (
	scene: Scene,
	edits: readonly FrameEdit[],
	masks = true,
): Promise<EditedFrame<FrameToEdit>[]> => {
	const frameAt = (index: number): Frame => ({
		...{ index, timeSeconds: index / 25, image: drawScene(scene, index).image },
	});
	async function* frames(from: number, to: number): AsyncGenerator<Frame> {
		for (let index = from; index < to; index++) {
			yield frameAt(index);
		}
	}
	async function* backwards(from: number, to: number): AsyncGenerator<Frame> {
		for (let index = from; index >= to; index--) {
			yield frameAt(index);
		}
	}
	async function* items(): AsyncGenerator<FrameToEdit> {
		for await (const frame of frames(0, FRAMES)) {
			yield { frame, mask: masks ? drawScene(scene, frame.index).mask : undefined };
		}
	}
	const folder = temporaryFolder();
	const how = { mode: 'affine', linearLight: false, relight: false } as const;
	return collect(
		carryEdits(
			items(),
			edits,
			{ ...how, extractor: classicalExtractor() },
			{
				frames: { between: frames, backwards },
				items: openFrameStore(join(folder, 'items')),
				states: (frame) => openFrameStore(join(folder, String(frame))),
			},
		),
	);
};

/** Mean colour of the pixels where the edit truly is, a pixel inside of its border. */
const colourOfPatch = ({ item, edited }: EditedFrame<FrameToEdit>): number[] => {
	const sums = [0, 0, 0];
	let count = 0;
	for (let pixel = 0; pixel < edited.width * edited.height; pixel++) {
		const [x, y] = [pixel % edited.width, Math.floor(pixel / edited.width)];
		if (fromMiddle(item.frame.index, x, y) < PATCH - 1) {
			count++;
			for (let channel = 0; channel < 3; channel++) {
				sums[channel]! += edited.data[pixel * 3 + channel]!;
			}
		}
	}
	return sums.map((sum) => sum / count);
};

const untouchedOutside = ({ item, edited }: EditedFrame<FrameToEdit>): boolean =>
	item.frame.image.data.every((value, at) => {
		const pixel = Math.floor(at / 3);
		const distance = fromMiddle(item.frame.index, pixel % edited.width, Math.floor(pixel / edited.width));
		return distance < PATCH + 3 || value === edited.data[at];
	});

describe('edits of several frames', { timeout: 240_000 }, () => {
	it.each([
		['with', true],
		['without', false],
	])(
		'are carried before the first, behind the last, and go over into each other between, %s masks',
		async (_, masks) => {
			const results = await carry(turning(), [red(3), green(9)], masks);
			expect(results.map(({ item }) => item.frame.index)).toEqual([...Array(FRAMES).keys()]);
			const greens = results.map((result) => colourOfPatch(result)[1]!);
			expect(Math.max(...greens.slice(0, 4))).toBeLessThan(4);
			expect(Math.min(...greens.slice(9))).toBeGreaterThan(251);
			// Six steps from one to the other, none of which is a jump.
			const steps = greens.slice(4, 10).map((value, at) => value - greens[at + 3]!);
			expect(Math.min(...steps)).toBeGreaterThan(15);
			expect(Math.max(...steps)).toBeLessThan(70);
			expect(results.map(untouchedOutside)).toEqual(results.map(() => true));
			expect(results.map(({ loose }) => loose)).toEqual(results.map(() => 0));
		},
	);

	it('stand on their own frames exactly', async () => {
		const edits = [red(3), green(9)];
		const results = await carry(turning(), edits);
		for (const { frame, layer } of edits) {
			const { item, edited } = results[frame]!;
			expect(edited.data).toEqual(
				item.frame.image.data.map((value, at) => {
					const pixel = Math.floor(at / 3);
					return layer.data[pixel * 4 + 3] === 255 ? layer.data[pixel * 4 + (at % 3)]! : value;
				}),
			);
		}
	});

	it('show more of the one that a frame looks more like than nearness says', async () => {
		// From frame 4 on the object looks as in the frame of the second edit.
		const results = await carry(turning(4), [red(0), green(12)]);
		const greens = results.map((result) => colourOfPatch(result)[1]!);
		expect(greens[2]).toBeLessThan(0.5 * (2 / 12) * 255);
		expect(greens[6]).toBeGreaterThan(1.35 * (6 / 12) * 255);
	});
});
