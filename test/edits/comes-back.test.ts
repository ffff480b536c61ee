import { describe, expect, it } from 'vitest';
import { carryEdit, type EditedFrame } from '../../src/edits/carry-edit.js';
import type { EditLayer } from '../../src/edits/difference-matte.js';
import type { FrameToEdit } from '../../src/edits/edit-carrier.js';
import { classicalExtractor } from '../../src/evaluation/classical-descriptors.js';
import { collect } from '../helpers/collect.js';
import { drawScene, type Scene } from '../helpers/textured-clip.js';

/** Half the width of the edit's square. */
const PATCH = 12;
const FRAMES = 29;
/** The object is behind the bar with all of itself. */
const HIDDEN = [12, 13, 14, 15, 16, 17];

/** Where the object's middle is: behind the bar it turns round, and it comes out below of where it went in. */
const middleOf = (frame: number): readonly [x: number, y: number] =>
	frame <= 11
		? [30 + 6 * frame, 38]
		: frame <= 17
			? [96, 38 + 7 * (frame - 11)]
			: [Math.max(30, 96 - 6 * (frame - 17)), 80];

/** A square of 36 pixels, and the bar. */
const behindBar: Scene = {
	width: 160,
	height: 120,
	at: (frame, x, y) => {
		if (x >= 72 && x < 120) {
			return { id: 2, u: x, v: y };
		}
		const [middleX, middleY] = middleOf(frame);
		const [u, v] = [x - middleX, y - middleY];
		return Math.max(Math.abs(u), Math.abs(v)) < 18 ? { id: 1, u, v } : { id: 0, u: x, v: y };
	},
};

/** A red square on the object, which is seen whole in the first frame. */
const layer: EditLayer = (() => {
	const { width, height } = behindBar;
	const [x, y] = middleOf(0);
	const data = new Uint8Array(width * height * 4);
	for (let pixel = 0; pixel < width * height; pixel++) {
		if (Math.max(Math.abs((pixel % width) - x), Math.abs(Math.floor(pixel / width) - y)) < PATCH) {
			data.set([255, 0, 0, 255], pixel * 4);
		}
	}
	return { width, height, channels: 4, data };
})();

/** Pixels that are red where the patch truly is in sight, as a share of these, and how many are red elsewhere. */
const redOf = ({ item, edited }: EditedFrame<FrameToEdit>): { share: number; elsewhere: number } => {
	const { index } = item.frame;
	const [x, y] = middleOf(index);
	let [inside, red, elsewhere] = [0, 0, 0];
	for (let pixel = 0; pixel < edited.width * edited.height; pixel++) {
		const [px, py] = [pixel % edited.width, Math.floor(pixel / edited.width)];
		const [r = 0, g = 0, b = 0] = edited.data.subarray(pixel * 3, pixel * 3 + 3);
		const isRed = r > 200 && g < 60 && b < 60;
		const distance = Math.max(Math.abs(px - x), Math.abs(py - y));
		const isOnObject = behindBar.at(index, px, py).id === 1;
		if (isOnObject && distance < PATCH - 1) {
			inside++;
			red += isRed ? 1 : 0;
		} else if (isRed && !(isOnObject && distance < PATCH + 2)) {
			elsewhere++;
		}
	}
	return { share: inside === 0 ? 0 : red / inside, elsewhere };
};

describe('an edit that was hidden altogether', { timeout: 240_000 }, () => {
	it.each([
		['with', true],
		['without', false],
	])('is there again when its object comes out elsewhere, %s masks', async (_, masks) => {
		async function* items(): AsyncGenerator<FrameToEdit> {
			for (let index = 0; index < FRAMES; index++) {
				const { image, mask } = drawScene(behindBar, index);
				yield { frame: { index, timeSeconds: index / 25, image }, mask: masks ? mask : undefined };
			}
		}
		const how = { mode: 'affine', linearLight: false, relight: false } as const;
		const results = await collect(carryEdit(items(), { layer, extractor: classicalExtractor(), ...how }));
		const red = results.map(redOf);
		// Before it goes behind the bar, and from where half of the object is out again.
		for (const frame of [0, 1, 2, 3, 24, 25, 26, 27, 28]) {
			expect(red[frame]!.share).toBeGreaterThan(0.95);
		}
		expect([0, 1, 2, 26, 27, 28].map((frame) => results[frame]!.loose)).toEqual([0, 0, 0, 0, 0, 0]);
		expect(HIDDEN.map((frame) => (masks ? red[frame]!.elsewhere : 0))).toEqual(HIDDEN.map(() => 0));
	});
});
