import { join } from 'node:path';
import type { LabelMap, Raster } from '../../src/core/frame.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { writeImage } from '../../src/media/image.js';

/** Smooth random texture without repetition, 0..255, at any position. */
export const texture = (x: number, y: number, seed: number): number => {
	let value = 0;
	for (let wave = 1; wave <= 6; wave++) {
		const angle = seed * 1.7 + wave * 2.4;
		const frequency = 0.11 + 0.055 * wave;
		value += Math.sin(frequency * (x * Math.cos(angle) + y * Math.sin(angle)) + wave * seed) / 6;
	}
	return 127 + 110 * value;
};

export type Scene = {
	readonly width: number;
	readonly height: number;
	/** Object id at a pixel, 0 for the background, and where in the object's own coordinates the pixel lies. */
	at(frame: number, x: number, y: number): { readonly id: number; readonly u: number; readonly v: number };
};

export const drawScene = (scene: Scene, frame: number): { image: Raster<3>; mask: LabelMap } => {
	const { width, height } = scene;
	const data = new Uint8Array(width * height * 3);
	const ids = new Uint8Array(width * height);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const { id, u, v } = scene.at(frame, x, y);
			const pixel = y * width + x;
			ids[pixel] = id;
			for (let channel = 0; channel < 3; channel++) {
				data[pixel * 3 + channel] = texture(u, v, 1 + id * 3 + channel * 0.3);
			}
		}
	}
	return { image: { width, height, channels: 3, data }, mask: { width, height, ids, palette: davisPalette } };
};

/** Writes a scene's frames as PNGs. */
export const writeScene = async (folder: string, scene: Scene, frames: number): Promise<void> => {
	for (let frame = 0; frame < frames; frame++) {
		await writeImage(join(folder, `${String(frame).padStart(3, '0')}.png`), drawScene(scene, frame).image);
	}
};

/** A square of 28 pixels that goes 2 pixels a frame to the right over a still background. */
export const slidingSquare: Scene = {
	width: 112,
	height: 80,
	at: (frame, x, y) => {
		const [u, v] = [x - 16 - 2 * frame, y - 26];
		return u >= 0 && v >= 0 && u < 28 && v < 28 ? { id: 1, u, v } : { id: 0, u: x, v: y };
	},
};
