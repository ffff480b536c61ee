import { describe, expect, it } from 'vitest';
import { carryEdit, type EditedFrame } from '../../src/edits/carry-edit.js';
import type { EditLayer } from '../../src/edits/difference-matte.js';
import type { FrameToEdit } from '../../src/edits/edit-carrier.js';
import { classicalExtractor } from '../../src/evaluation/classical-descriptors.js';
import type { MeshMotion } from '../../src/motion/mesh-tracker.js';
import { collect } from '../helpers/collect.js';
import { drawScene, type Scene, slidingSquare } from '../helpers/textured-clip.js';

/** A turning, growing and drifting square, with a bar that comes in front of it from frame 4 on. */
const turning: Scene = {
	width: 160,
	height: 120,
	at: (frame, x, y) => {
		if (frame >= 4 && x > 60 + 4 * frame && x < 76 + 4 * frame) {
			return { id: 2, u: x - 4 * frame, v: y };
		}
		const [angle, scale] = [0.02 * frame, 1 + 0.006 * frame];
		const [dx, dy] = [x - 74 - 1.3 * frame, y - 60 - 0.4 * frame];
		const u = (Math.cos(angle) * dx + Math.sin(angle) * dy) / scale;
		const v = (Math.cos(angle) * dy - Math.sin(angle) * dx) / scale;
		return Math.max(Math.abs(u), Math.abs(v)) < 38 ? { id: 1, u, v } : { id: 0, u: x, v: y };
	},
};

/** A square that tilts away to the right, more with every frame. */
const tilting: Scene = {
	width: 160,
	height: 120,
	at: (frame, x, y) => {
		const tilt = 0.001 * frame;
		const u = (x - 74) / (1 - tilt * (x - 74));
		const v = (y - 60) * (1 + tilt * u);
		return Math.max(Math.abs(u), Math.abs(v)) < 38 ? { id: 1, u, v } : { id: 0, u: x, v: y };
	},
};

const layerOn = (scene: Scene, isDrawn: (u: number, v: number) => boolean): EditLayer => {
	const data = new Uint8Array(scene.width * scene.height * 4);
	for (let pixel = 0; pixel < scene.width * scene.height; pixel++) {
		const { id, u, v } = scene.at(0, pixel % scene.width, Math.floor(pixel / scene.width));
		if (id === 1 && isDrawn(u, v)) {
			data.set([255, 0, 0, 255], pixel * 4);
		}
	}
	return { width: scene.width, height: scene.height, channels: 4, data };
};

const carry = (scene: Scene, frames: number, layer: EditLayer, mode: MeshMotion, masks: boolean) => {
	async function* items(): AsyncGenerator<FrameToEdit> {
		for (let index = 0; index < frames; index++) {
			const { image, mask } = drawScene(scene, index);
			yield { frame: { index, timeSeconds: index / 25, image }, mask: masks ? mask : undefined };
		}
	}
	const extractor = classicalExtractor();
	return collect(carryEdit(items(), { layer, mode, extractor, linearLight: false, relight: false }));
};

const isRed = ({ edited }: EditedFrame<FrameToEdit>, x: number, y: number): boolean => {
	const [r = 0, g = 0, b = 0] = edited.data.subarray((y * edited.width + x) * 3);
	return r > 200 && g < 60 && b < 60;
};

/** Distance, in pixels of the first frame, between what the edit puts at each pixel and what truly is there. */
const meanError = (scene: Scene, { item, fields }: EditedFrame<FrameToEdit>): number => {
	let [sum, count] = [0, 0];
	for (const field of fields) {
		for (let at = 0; at < field.x.length; at++) {
			const [x, y] = [field.left + (at % field.width), field.top + Math.floor(at / field.width)];
			const truth = scene.at(item.frame.index, x, y);
			const [fromX, fromY] = [field.x[at]!, field.y[at]!];
			if (truth.id === 1 && !Number.isNaN(fromX)) {
				// In the first frame, the square's own coordinates are the frame's, moved.
				sum += Math.hypot(fromX - 74 - truth.u, fromY - 60 - truth.v);
				count++;
			}
		}
	}
	return sum / count;
};

describe('an edit carried through a clip', { timeout: 240_000 }, () => {
	it.each(['dense', 'planar', 'affine'] as const)('stays within a third of a pixel, %s', async (mode) => {
		const layer = layerOn(turning, (u, v) => Math.abs(u) < 20 && Math.abs(v) < 20);
		const results = await carry(turning, 4, layer, mode, true);
		expect(results.map(({ item }) => item.frame.index)).toEqual([0, 1, 2, 3]);
		for (const result of results) {
			expect(meanError(turning, result)).toBeLessThan(0.33);
		}
	});

	it('follows a plane that tilts away, planar, as no affine map can', async () => {
		const layer = layerOn(tilting, (u, v) => Math.abs(u) < 30 && Math.abs(v) < 30);
		const errorOf = async (mode: MeshMotion): Promise<number> => {
			const last = (await carry(tilting, 7, layer, mode, true)).at(-1);
			return meanError(tilting, last as EditedFrame<FrameToEdit>);
		};
		expect(await errorOf('planar')).toBeLessThan(0.33);
		expect(await errorOf('affine')).toBeGreaterThan(0.66);
	});

	it('gives the first frame with the layer exactly on it', async () => {
		const layer = layerOn(slidingSquare, (u, v) => u > 6 && u < 20 && v > 6 && v < 20);
		const [first] = await carry(slidingSquare, 2, layer, 'dense', true);
		const original = drawScene(slidingSquare, 0).image.data;
		expect(first?.edited.data).toEqual(
			original.map((value, at) =>
				layer.data[Math.floor(at / 3) * 4 + 3]! > 0 ? layer.data[Math.floor(at / 3) * 4 + (at % 3)]! : value,
			),
		);
	});

	it.each([
		['the masks', true],
		['descriptors alone', false],
	])('goes behind what comes in front, by %s', async (_, masks) => {
		const layer = layerOn(turning, (u, v) => Math.abs(u) < 24 && Math.abs(v) < 24);
		const results = await carry(turning, 7, layer, 'affine', masks);
		const last = results[6]!;
		// The bar's middle is at 92, in front of a square whose edit goes from 57 to 107.
		expect(isRed(last, 68, 62)).toBe(true);
		expect([58, 62, 66].map((y) => isRed(last, 92, y))).toEqual([false, false, false]);
	});

	it('leaves pixels that it does not touch as they are', async () => {
		const layer = layerOn(slidingSquare, (u, v) => u > 6 && u < 20 && v > 6 && v < 20);
		const results = await carry(slidingSquare, 4, layer, 'affine', true);
		const { edited } = results[3]!;
		const { image } = drawScene(slidingSquare, 3);
		expect(edited.data.subarray(0, 112 * 20 * 3)).toEqual(image.data.subarray(0, 112 * 20 * 3));
		expect(isRed({ ...results[3]! }, 16 + 6 + 13, 26 + 13)).toBe(true);
	});
});
