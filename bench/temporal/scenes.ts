import sharp from 'sharp';
import type { LabelMap, Raster } from '../../src/core/frame.js';
import { gaussianNoise } from '../../src/features/gaussian-noise.js';
import { type Clip, openClip } from '../../src/media/clip.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { readLabelMap } from '../../src/media/label-map.js';
import type { Position } from '../../src/media/position.js';

/** Clips made of the project's own samples: birds cut out of one, walking in front of a still of another, without its bear. */
const WIDTH = 720;
const HEIGHT = 432;
/** The camera pans by so many pixels a frame. */
const PAN = 1;
/** Standard deviation of the sensor noise, of 255. */
const GRAIN = 3;

export type Sprite = Raster<4>;

/** Where a sprite's upper left corner stands in a frame, in pixels; layers are given from back to front. */
export type Layer = {
	readonly sprite: Sprite;
	/** 0 for things that are not painted. */
	readonly id: number;
	at(frame: number): readonly [x: number, y: number];
	/** How much larger than the sprite it is drawn; 1 when left out. */
	scale?(frame: number): number;
};

export type Truth = { readonly image: Raster<3>; readonly mask: LabelMap };

export const firstFrame = async (sample: URL): Promise<Raster<3>> => {
	for await (const { image } of (await openClip(sample.pathname)).frames()) {
		return image;
	}
	throw new Error(`${sample.pathname} has no frames.`);
};

/** Cuts what a mask marks with `id` out of an image and enlarges it; its edge is as soft as the enlargement makes it. */
export const cutOut = async (
	image: Raster<3>,
	mask: LabelMap,
	id: number,
	scale: number,
): Promise<Sprite> => {
	const { width, height } = image;
	let [left, top, right, bottom] = [width, height, 0, 0];
	const rgba = new Uint8Array(width * height * 4);
	for (let pixel = 0; pixel < width * height; pixel++) {
		rgba.set(image.data.subarray(3 * pixel, 3 * pixel + 3), 4 * pixel);
		if (mask.ids[pixel] === id) {
			rgba[4 * pixel + 3] = 255;
			const [x, y] = [pixel % width, Math.floor(pixel / width)];
			left = Math.min(left, x);
			right = Math.max(right, x);
			top = Math.min(top, y);
			bottom = Math.max(bottom, y);
		}
	}
	const size = { width: right - left + 1, height: bottom - top + 1 };
	const { data, info } = await sharp(rgba, { raw: { width, height, channels: 4 } })
		.extract({ left, top, ...size })
		.resize(Math.round(size.width * scale), Math.round(size.height * scale), { fit: 'fill' })
		.raw()
		.toBuffer({ resolveWithObject: true });
	return { width: info.width, height: info.height, channels: 4, data: new Uint8Array(data) };
};

/** Two birds, a rock face to hide them, and the meadow they walk on. */
export type Birds = {
	readonly crane: Sprite;
	readonly guineafowl: Sprite;
	readonly wall: Sprite;
	readonly background: Raster<3>;
};

export const loadBirds = async (): Promise<Birds> => {
	const samples = new URL('../../samples/', import.meta.url);
	const birds = await firstFrame(new URL('birds/clip.mp4', samples));
	const mask = await readLabelMap(new URL('birds/first.png', samples).pathname);
	const rocks = birds.width * 0.4; // From there on the upper third of the picture is rock.
	const face = new Uint8Array(birds.width * birds.height);
	for (let y = 0; y < 60; y++) {
		face.fill(1, y * birds.width + rocks, y * birds.width + rocks + 36);
	}
	return {
		wall: await cutOut(birds, { ...mask, ids: face }, 1, HEIGHT / 60),
		crane: await cutOut(birds, mask, 2, 1.1),
		guineafowl: await cutOut(birds, mask, 3, 0.9),
		background: mirrored(await firstFrame(new URL('bear/clip.mp4', samples)), 350),
	};
};

/** The part right of a column, and its mirror image beside it. */
const mirrored = ({ width, height, data }: Raster<3>, column: number): Raster<3> => {
	const half = width - column;
	const out = new Uint8Array(2 * half * height * 3);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < half; x++) {
			const from = (y * width + column + x) * 3;
			const pixel = data.subarray(from, from + 3);
			out.set(pixel, (2 * half * y + x) * 3);
			out.set(pixel, (2 * half * y + 2 * half - 1 - x) * 3);
		}
	}
	return { width: 2 * half, height, channels: 3, data: out };
};

/** Draws one frame and its truth: a pixel belongs to the foremost layer that covers more than half of it. */
export const drawFrame = (background: Raster<3>, layers: readonly Layer[], frame: number): Truth => {
	const data = new Uint8Array(WIDTH * HEIGHT * 3);
	const ids = new Uint8Array(WIDTH * HEIGHT);
	// The pan ends with the background.
	const shift = Math.min(PAN * frame, background.width - WIDTH);
	for (let y = 0; y < HEIGHT; y++) {
		const from = ((y + background.height - HEIGHT) * background.width + shift) * 3;
		data.set(background.data.subarray(from, from + WIDTH * 3), y * WIDTH * 3);
	}
	for (const { sprite, id, at, scale } of layers) {
		const [left, top] = at(frame).map(Math.round) as [number, number];
		const size = scale?.(frame) ?? 1;
		const [width, height] = [Math.floor(sprite.width * size), Math.floor(sprite.height * size)];
		for (let y = Math.max(0, -top); y < Math.min(height, HEIGHT - top); y++) {
			for (let x = Math.max(0, -left); x < Math.min(width, WIDTH - left); x++) {
				const from = (Math.floor(y / size) * sprite.width + Math.floor(x / size)) * 4;
				const opacity = sprite.data[from + 3]! / 255;
				const pixel = (y + top) * WIDTH + x + left;
				for (let channel = 0; channel < 3; channel++) {
					const below = data[pixel * 3 + channel]!;
					data[pixel * 3 + channel] = below + opacity * (sprite.data[from + channel]! - below);
				}
				if (opacity > 0.5) {
					ids[pixel] = id;
				}
			}
		}
	}
	const noise = gaussianNoise(data.length, frame);
	for (let i = 0; i < data.length; i++) {
		data[i] = Math.min(255, Math.max(0, Math.round(data[i]! + GRAIN * noise[i]!)));
	}
	return {
		image: { width: WIDTH, height: HEIGHT, channels: 3, data },
		mask: { width: WIDTH, height: HEIGHT, ids, palette: davisPalette },
	};
};

/** Drawn frames as a clip. */
export const drawnClip = (truths: readonly Truth[]): Clip => ({
	path: 'drawn',
	kind: 'images',
	files: [],
	info: {
		...{ width: WIDTH, height: HEIGHT, stored: { width: WIDTH, height: HEIGHT } },
		...{ rate: { numerator: 24, denominator: 1 }, frameRate: 24, tickSeconds: 1 / 24 },
		...{ durationSeconds: truths.length / 24, estimatedFrames: truths.length, hasAudio: false },
	},
	async *frames({ start, end } = {}) {
		const at = (position: Position | undefined, otherwise: number): number =>
			position !== undefined && 'frame' in position ? position.frame : otherwise;
		const first = at(start, 0);
		for (const [index, { image }] of truths.slice(first, at(end, truths.length)).entries()) {
			yield { index, timeSeconds: (first + index) / 24, image };
		}
	},
});
