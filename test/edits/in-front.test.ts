import { expect, test } from 'vitest';
import type { LabelMap } from '../../src/core/frame.js';
import { carryEdit } from '../../src/edits/carry-edit.js';
import { inFront } from '../../src/edits/composite-edit.js';
import type { EditLayer } from '../../src/edits/difference-matte.js';
import type { FrameToEdit } from '../../src/edits/edit-carrier.js';
import { classicalExtractor } from '../../src/evaluation/classical-descriptors.js';
import { defaultMatteSettings, mattesOf } from '../../src/mattes/mattes.js';
import { collect } from '../helpers/collect.js';
import { drawScene, type Scene } from '../helpers/textured-clip.js';

/** A square that slides to the right over a background that drifts to the left. */
const sliding: Scene = {
	width: 160,
	height: 120,
	at: (frame, x, y) => {
		const [u, v] = [x - 50 - 4 * frame, y - 44];
		return u >= 0 && v >= 0 && u < 32 && v < 32 ? { id: 1, u, v } : { id: 0, u: x + frame, v: y };
	},
};

/** A red wall in the background of the first frame, which the square covers in part. */
const [left, top, right, bottom] = [40, 34, 110, 88] as const;
const wall = (): EditLayer => {
	const data = new Uint8Array(sliding.width * sliding.height * 4);
	for (let y = top; y < bottom; y++) {
		for (let x = left; x < right; x++) {
			data.set([255, 0, 0, 255], (y * sliding.width + x) * 4);
		}
	}
	return { width: sliding.width, height: sliding.height, channels: 4, data };
};

test('an edit behind an object goes with the background, and is there where the object has been', {
	timeout: 240_000,
}, async () => {
	async function* items(): AsyncGenerator<FrameToEdit & { readonly mask: LabelMap }> {
		for (let index = 0; index < 6; index++) {
			const { image, mask } = drawScene(sliding, index);
			yield { frame: { index, timeSeconds: index / 25, image }, mask };
		}
	}
	const options = { mode: 'affine', linearLight: false, relight: false, behind: true } as const;
	const carried = await collect(
		carryEdit(items(), { layer: wall(), extractor: classicalExtractor(), ...options }),
	);
	for (const { item, edited } of carried) {
		const { frame, mask } = item;
		const { data } = inFront(frame.image, edited, mattesOf(frame.image, mask, defaultMatteSettings));
		let [wrong, seen, kept] = [0, 0, 0];
		for (let y = top + 4; y < bottom - 4; y++) {
			// Some pixels away from the edges of both, which are soft.
			for (let x = left + 4 - frame.index; x < right - 4 - frame.index; x++) {
				const at = (y * sliding.width + x) * 3;
				const ids = [-4, 0, 4].flatMap((dx) =>
					[-4, 0, 4].map((dy) => sliding.at(frame.index, x + dx, y + dy).id),
				);
				if (ids.every((id) => id === 1)) {
					kept++;
					wrong += [0, 1, 2].some((c) => Math.abs(data[at + c]! - frame.image.data[at + c]!) > 12) ? 1 : 0;
				} else if (ids.every((id) => id === 0)) {
					seen++;
					wrong += data[at]! > 200 && data[at + 1]! < 60 ? 0 : 1;
				}
			}
		}
		expect(Math.min(kept, seen)).toBeGreaterThan(300);
		expect(wrong / (kept + seen)).toBeLessThan(0.03);
	}
});
