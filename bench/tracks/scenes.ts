import type { Raster } from '../../src/core/frame.js';
import { gaussianNoise } from '../../src/features/gaussian-noise.js';
import { loadBirds, type Sprite } from '../temporal/scenes.js';

/** Clips whose every pixel's motion is known: pictures that are moved, turned and stretched between pixels, one in front of the other. */
const WIDTH = 720;
const HEIGHT = 432;
/** Standard deviation of the sensor noise, of 255. */
const GRAIN = 3;

/** How a picture lies in a frame: its point `pivot` is at `x`, `y`, it is turned by `angle` and enlarged by `scale`. */
type Pose = { readonly x: number; readonly y: number; readonly angle?: number; readonly scale?: number };

type DrawnLayer = {
	readonly picture: Sprite;
	readonly pivot: readonly [number, number];
	pose(frame: number): Pose;
};

export type DrawnScene = {
	readonly name: string;
	readonly frames: number;
	/** From back to front. */
	readonly layers: readonly DrawnLayer[];
	/** Corners of a flat part of a layer in frame 0, clockwise from the top left one. */
	readonly plane: readonly (readonly [x: number, y: number])[];
	/** Factor of all brightness in a frame. */
	light?(frame: number): number;
};

const toPicture = (
	{ pivot, pose }: DrawnLayer,
	frame: number,
	x: number,
	y: number,
): readonly [number, number] => {
	const { x: px, y: py, angle = 0, scale = 1 } = pose(frame);
	const [dx, dy] = [(x - px) / scale, (y - py) / scale];
	const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
	return [pivot[0] + cos * dx + sin * dy, pivot[1] - sin * dx + cos * dy];
};

const fromPicture = (
	{ pivot, pose }: DrawnLayer,
	frame: number,
	u: number,
	v: number,
): readonly [number, number] => {
	const { x: px, y: py, angle = 0, scale = 1 } = pose(frame);
	const [du, dv] = [(u - pivot[0]) * scale, (v - pivot[1]) * scale];
	const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
	return [px + cos * du - sin * dv, py + sin * du + cos * dv];
};

/** Bilinear colours, multiplied by opacity, and opacity 0..1; nothing outside. */
const sampled = ({ width, height, data }: Sprite, u: number, v: number, out: Float64Array): void => {
	out.fill(0);
	const [left, top] = [Math.floor(u), Math.floor(v)];
	for (let dy = 0; dy < 2; dy++) {
		for (let dx = 0; dx < 2; dx++) {
			const [x, y] = [left + dx, top + dy];
			if (x < 0 || y < 0 || x >= width || y >= height) {
				continue;
			}
			const share = (dx === 0 ? 1 - u + left : u - left) * (dy === 0 ? 1 - v + top : v - top);
			const at = (y * width + x) * 4;
			const opacity = (share * data[at + 3]!) / 255;
			out[3]! += opacity;
			for (let channel = 0; channel < 3; channel++) {
				out[channel]! += opacity * data[at + channel]!;
			}
		}
	}
};

export const drawScene = (scene: DrawnScene, frame: number): Raster<3> => {
	const data = new Uint8Array(WIDTH * HEIGHT * 3);
	const noise = gaussianNoise(data.length, frame);
	const colour = new Float64Array(4);
	const light = scene.light?.(frame) ?? 1;
	for (let y = 0; y < HEIGHT; y++) {
		for (let x = 0; x < WIDTH; x++) {
			const at = (y * WIDTH + x) * 3;
			const mixed = [0, 0, 0];
			for (const layer of scene.layers) {
				const [u, v] = toPicture(layer, frame, x, y);
				sampled(layer.picture, u, v, colour);
				for (let channel = 0; channel < 3; channel++) {
					mixed[channel] = mixed[channel]! * (1 - colour[3]!) + colour[channel]!;
				}
			}
			for (let channel = 0; channel < 3; channel++) {
				const value = light * mixed[channel]! + GRAIN * noise[at + channel]!;
				data[at + channel] = Math.min(255, Math.max(0, Math.round(value)));
			}
		}
	}
	return { width: WIDTH, height: HEIGHT, channels: 3, data };
};

/** A point in every frame. */
export type TruePoint = { readonly x: number; readonly y: number; readonly visible: boolean };

/** The foremost layer at a place, from 0; -1 where there is none. */
const layerAt = ({ layers }: DrawnScene, frame: number, x: number, y: number): number => {
	const colour = new Float64Array(4);
	return layers.findLastIndex((layer) => {
		const [u, v] = toPicture(layer, frame, x, y);
		sampled(layer.picture, u, v, colour);
		return colour[3]! > 0.5;
	});
};

/**
 * Follows a point of frame `at` through the scene.
 *
 * @returns one for each frame
 */
export const truePath = (scene: DrawnScene, at: number, x: number, y: number): TruePoint[] => {
	const own = layerAt(scene, at, x, y);
	const layer = scene.layers[own]!;
	const [u, v] = toPicture(layer, at, x, y);
	return Array.from({ length: scene.frames }, (_, frame) => {
		const [toX, toY] = fromPicture(layer, frame, u, v);
		const isInside = toX >= 0 && toY >= 0 && toX <= WIDTH - 1 && toY <= HEIGHT - 1;
		return { x: toX, y: toY, visible: isInside && layerAt(scene, frame, toX, toY) === own };
	});
};

/** Points of frame `at`, `spacing` pixels apart, none nearer than three pixels to the border of its layer. */
export const gridOf = (scene: DrawnScene, at: number, spacing: number): (readonly [number, number])[] => {
	const points: (readonly [number, number])[] = [];
	for (let y = spacing / 2; y < HEIGHT; y += spacing) {
		for (let x = spacing / 2; x < WIDTH; x += spacing) {
			const own = layerAt(scene, at, x, y);
			const around = [-3, 3].flatMap((d) => [layerAt(scene, at, x + d, y), layerAt(scene, at, x, y + d)]);
			if (own >= 0 && around.every((other) => other === own)) {
				points.push([x, y]);
			}
		}
	}
	return points;
};

const opaque = ({ width, height, data }: Raster<3>): Sprite => ({
	...{ width, height, channels: 4 },
	data: Uint8Array.from({ length: width * height * 4 }, (_, i) =>
		i % 4 === 3 ? 255 : data[Math.floor(i / 4) * 3 + (i % 4)]!,
	),
});

const rectangle = (left: number, top: number, right: number, bottom: number) =>
	[
		[left, top],
		[right, top],
		[right, bottom],
		[left, bottom],
	] as const;

export const loadScenes = async (): Promise<DrawnScene[]> => {
	const { crane, guineafowl, wall, background } = await loadBirds();
	const meadow = opaque(background);
	const middle = ({ width, height }: Sprite): readonly [number, number] => [width / 2, height / 2];
	const wander = (frame: number, phase: number): number =>
		2.2 * Math.sin(0.31 * frame + phase) + 1.3 * Math.sin(0.83 * frame + 2 * phase);
	/** A hand-held camera that pans. */
	const camera = (frame: number): Pose => ({
		x: 420 - 1.4 * frame + wander(frame, 0),
		y: 206 + wander(frame, 1),
		angle: 0.006 * Math.sin(0.2 * frame),
		scale: 1 + 0.001 * frame,
	});
	const ground: DrawnLayer = { picture: meadow, pivot: middle(meadow), pose: camera };
	const bird = (picture: Sprite, pose: (frame: number) => Pose): DrawnLayer => ({
		picture,
		pivot: middle(picture),
		pose,
	});
	return [
		{
			name: 'two birds, hand-held',
			frames: 48,
			plane: rectangle(240, 290, 400, 400),
			layers: [
				ground,
				bird(crane, (frame) => ({
					x: 200 + 4.3 * frame,
					y: 250 + wander(frame, 2),
					angle: 0.08 * Math.sin(0.25 * frame),
				})),
				bird(guineafowl, (frame) => ({
					x: 560 - 5.1 * frame,
					y: 330 + wander(frame, 3),
					angle: 0.06 * Math.sin(0.4 * frame),
				})),
			],
		},
		{
			name: 'behind a rock',
			frames: 60,
			plane: rectangle(300, 100, 420, 330),
			layers: [
				ground,
				bird(crane, (frame) => ({
					x: 110 + 8.6 * frame,
					y: 240 + wander(frame, 2),
					angle: 0.05 * Math.sin(0.25 * frame),
				})),
				{
					picture: wall,
					pivot: middle(wall),
					pose: (frame) => ({ x: 360 + wander(frame, 0), y: 216 + wander(frame, 1) }),
				},
			],
		},
		{
			name: 'turning, comes near',
			frames: 40,
			plane: rectangle(335, 220, 375, 246),
			layers: [
				ground,
				bird(guineafowl, (frame) => ({
					x: 340 + 2.1 * frame,
					y: 230 + 0.7 * frame,
					angle: 0.03 * frame,
					scale: 0.8 * 1.018 ** frame,
				})),
			],
		},
		{
			name: 'fast, light changes',
			frames: 32,
			plane: rectangle(500, 240, 690, 400),
			layers: [
				ground,
				bird(crane, (frame) => ({
					x: 360 + 240 * Math.sin(0.11 * frame),
					y: 240 + 30 * Math.sin(0.31 * frame),
					angle: 0.1 * Math.sin(0.5 * frame),
				})),
			],
			light: (frame) => 0.8 + 0.25 * Math.cos(0.2 * frame),
		},
	];
};
