import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Raster } from '../../src/core/frame.js';
import { randomFrom } from '../../src/core/random.js';
import type { Size } from '../../src/core/size.js';
import {
	blurred,
	type Colour,
	cover,
	drawLine,
	drawShape,
	emptyLayer,
	type Layer,
	loadBackground,
	loadLayer,
	meanOfLayers,
	noise,
	placed,
} from './layer.js';

/** A composite with everything known of it. */
export type Composite = {
	readonly image: Raster<3>;
	/** [height * width] 0..1 */
	readonly alpha: Float32Array;
	/** [height * width * 3] 0..1, of the object alone, multiplied by alpha. */
	readonly foreground: Float32Array;
};

export type Scene = {
	readonly name: string;
	/** @param time in frames, from 0; may be between two */
	frame(time: number): Composite;
};

const samples = fileURLToPath(new URL('../../samples/', import.meta.url));
const stamps = '/usr/share/tuxpaint/stamps/';
/** Photographs with real alpha, from Debian's tuxpaint-stamps-default. */
const cutOuts = [
	['bee', 'animals/insects/bee.png'],
	['hat', 'clothes/hats/feathered_hat.png'],
	['guineafowl', 'animals/birds/helmeted_guineafowl.png'],
	['lobster', 'animals/fish/lobster.png'],
] as const;

/**
 * The scenes at a size: drawn fur, long hair, things blurred by motion and by the lens, and, where Debian's stamps are
 * installed, cut-outs with real alpha. Backgrounds are a photograph of the samples, leaves, and a wall.
 */
export const openScenes = async (size: Size): Promise<Scene[]> => {
	// Everything is drawn for 480 lines.
	const unit = size.height / 480;
	const photo = await loadBackground(`${samples}pair/source.jpg`, size);
	const meadow = await loadBackground(`${samples}pair/target.jpg`, size);
	const leaves = drawLeaves(size, unit);
	const wall = drawWall(size, unit);
	const scene = (name: string, background: Layer, layer: (time: number) => Layer): Scene => ({
		name,
		frame: (time) => composite(layer(time), background, time),
	});
	const drawn = [
		scene('fur on a photograph', photo, (time) => fur(size, unit, time, [0.42, 0.27, 0.14], 1)),
		scene('fur on leaves', leaves, (time) => fur(size, unit, time, [0.82, 0.78, 0.7], 7)),
		scene('hair on a wall', wall, (time) => hair(size, unit, time, [0.2, 0.12, 0.08])),
		scene('hair on a photograph', meadow, (time) => hair(size, unit, time, [0.75, 0.55, 0.25])),
		scene('motion blur on leaves', leaves, (time) => shuttered(time, 12, (t) => star(size, unit, t, 9))),
		scene('motion blur on a wall', wall, (time) => shuttered(time, 12, (t) => star(size, unit, t, 14))),
		scene('out of focus on a photograph', photo, (time) =>
			blurred(star(size, unit, time * 0.2, 2), Math.round(2 * unit)),
		),
		scene('sharp on a photograph', meadow, (time) => star(size, unit, time * 0.2, 2)),
	];
	const photographed = await Promise.all(
		cutOuts
			.filter(([, path]) => existsSync(stamps + path))
			.map(async ([name, path], n) => {
				const layer = await loadLayer(stamps + path);
				const scale = (300 * unit) / Math.max(layer.width, layer.height);
				return scene(`cut-out: ${name}`, [leaves, photo, wall, meadow][n]!, (time) =>
					placed(
						layer,
						size,
						[size.width * 0.45 + 3.3 * time * unit, size.height / 2 + 1.7 * time * unit],
						scale,
						0.02 * time,
					),
				);
			}),
	);
	return [...drawn, ...photographed];
};

/** @param time gives the noise of the camera */
const composite = (layer: Layer, background: Layer, time: number): Composite => {
	const { width, height } = layer;
	const random = randomFrom(Math.round(time * 1000) + 5);
	const pixels = width * height;
	const data = new Uint8Array(pixels * 3);
	const alpha = new Float32Array(pixels);
	const foreground = new Float32Array(pixels * 3);
	for (let pixel = 0; pixel < pixels; pixel++) {
		const opacity = Math.min(1, layer.data[pixel * 4 + 3]!);
		alpha[pixel] = opacity;
		for (let c = 0; c < 3; c++) {
			const own = layer.data[pixel * 4 + c]!;
			foreground[pixel * 3 + c] = own;
			const value = own + (1 - opacity) * background.data[pixel * 4 + c]!;
			data[pixel * 3 + c] = Math.round(
				Math.max(0, Math.min(255, value * 255 + (random() + random() + random() - 1.5) * 4)),
			);
		}
	}
	return { image: { width, height, channels: 3, data }, alpha, foreground };
};

/** Open for half a frame. */
const shuttered = (time: number, times: number, layer: (time: number) => Layer): Layer =>
	meanOfLayers(Array.from({ length: times }, (_, n) => layer(time + (n / times) * 0.5)));

const shade = ([r, g, b]: Colour, by: number): Colour => [r * by, g * by, b * by];

/** A ball of short hair that sways. */
const fur = ({ width, height }: Size, unit: number, time: number, colour: Colour, seed: number): Layer => {
	const layer = emptyLayer(width, height);
	const [cx, cy] = [width / 2 + 2.3 * time * unit, height / 2 + 1.1 * time * unit];
	const radius = 120 * unit;
	const shaded = (x: number, y: number): Colour =>
		shade(colour, 0.6 + 0.8 * noise((x - cx) / unit / 12, (y - cy) / unit / 12, seed));
	drawShape(layer, (x, y) => radius - Math.hypot(x - cx, (y - cy) * 1.15), shaded);
	const random = randomFrom(seed);
	for (let strand = 0; strand < 2600; strand++) {
		const at = random() * 2 * Math.PI;
		const depth = 0.8 + 0.2 * random();
		const long = (10 + 26 * random() ** 2) * unit;
		const thick = (0.7 + 1.3 * random()) * unit;
		const tint = shade(colour, 0.6 + 0.8 * random());
		const bend = 0.7 * (random() - 0.5) + 0.12 * Math.sin(time * 0.9 + at * 3);
		let [x, y] = [cx + Math.cos(at) * radius * depth, cy + (Math.sin(at) * radius * depth) / 1.15];
		for (let part = 0; part < 5; part++) {
			const angle = at + bend * (part / 2);
			const next = [x + (Math.cos(angle) * long) / 5, y + (Math.sin(angle) * long) / 5] as const;
			drawLine(layer, [x, y], next, [thick * (1 - part / 5), thick * (1 - (part + 1) / 5)], tint);
			[x, y] = next;
		}
	}
	return layer;
};

/** A head with long hair in the wind. */
const hair = ({ width, height }: Size, unit: number, time: number, colour: Colour): Layer => {
	const layer = emptyLayer(width, height);
	const [cx, cy] = [width * 0.42 + 1.3 * time * unit, height * 0.42];
	const skin: Colour = [0.85, 0.65, 0.55];
	drawShape(
		layer,
		(x, y) => 70 * unit - Math.hypot(x - cx, (y - cy) * 0.8),
		(x, y) => shade(skin, 0.85 + 0.25 * noise(x / unit / 30, y / unit / 30, 3)),
	);
	const random = randomFrom(21);
	for (let strand = 0; strand < 900; strand++) {
		const at = Math.PI * (1.02 + 0.96 * random());
		const thick = (0.5 + 0.9 * random()) * unit;
		const tint = shade(colour, 0.6 + 0.8 * random());
		const [phase, curl, loose] = [random() * 6, 0.02 + 0.05 * random(), random() ** 3];
		let angle = at + 0.5 + 0.6 * loose;
		let [x, y] = [cx + Math.cos(at) * 66 * unit, cy + Math.sin(at) * 80 * unit];
		const parts = 14 + Math.floor(12 * random());
		for (let part = 0; part < parts; part++) {
			// Falls, curls, and is blown to the right.
			const down = Math.atan2(1, 0.35 + 0.5 * loose + 0.1 * Math.sin(time * 0.7 + phase));
			angle += 0.16 * Math.sin(down - angle) + curl * Math.sin(part * 0.8 + phase + 0.5 * time);
			const next = [x + Math.cos(angle) * 8 * unit, y + Math.sin(angle) * 8 * unit] as const;
			const width = (p: number): number => thick * (1 - (0.8 * p) / parts);
			drawLine(layer, [x, y], next, [width(part), width(part + 1)], tint);
			[x, y] = next;
		}
	}
	return layer;
};

/** A textured star that turns and flies. @param speed of it, in pixels of 480 lines a frame */
const star = ({ width, height }: Size, unit: number, time: number, speed: number): Layer => {
	const layer = emptyLayer(width, height);
	const [cx, cy] = [width * 0.42 + speed * time * unit, height * 0.5 - 0.3 * speed * time * unit];
	const turn = 0.01 * speed * time;
	const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
	drawShape(
		layer,
		(x, y) => {
			const distance = Math.hypot(x - cx, y - cy);
			const around = Math.atan2(y - cy, x - cx) - turn;
			return (105 + 35 * Math.cos(5 * around)) * unit - distance;
		},
		(x, y) => {
			const [u, v] = [
				(cos * (x - cx) + sin * (y - cy)) / unit / 22,
				(cos * (y - cy) - sin * (x - cx)) / unit / 22,
			];
			const stripe = noise(u, v, 31) > 0.5 ? 1 : 0.55;
			return [0.9 * stripe, (0.25 + 0.3 * noise(u / 2, v / 2, 8)) * stripe, 0.2 + 0.5 * noise(u, v, 5)];
		},
	);
	return layer;
};

const drawLeaves = ({ width, height }: Size, unit: number): Layer => {
	const layer = emptyLayer(width, height);
	drawShape(
		layer,
		() => 1,
		() => [0.05, 0.09, 0.03],
	);
	const random = randomFrom(4);
	for (let leaf = 0; leaf < 1500; leaf++) {
		const [x, y, angle] = [random() * width, random() * height, random() * 6.3];
		const [long, wide] = [(8 + 18 * random()) * unit, (4 + 7 * random()) * unit];
		const tint: Colour = [0.1 + 0.35 * random(), 0.25 + 0.45 * random(), 0.05 + 0.15 * random()];
		const [dx, dy] = [Math.cos(angle) * long, Math.sin(angle) * long];
		drawLine(layer, [x, y], [x + dx, y + dy], [wide, wide / 4], tint);
	}
	return layer;
};

const drawWall = ({ width, height }: Size, unit: number): Layer => {
	const layer = emptyLayer(width, height);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const [u, v] = [x / unit, y / unit];
			const row = Math.floor(v / 34);
			const inBrick = v % 34 > 3 && (u + (row % 2) * 40) % 80 > 3;
			const grain = 0.85 + 0.3 * noise(u / 6, v / 6, 12);
			const brick = 0.8 + 0.4 * lightOf(Math.floor((u + (row % 2) * 40) / 80), row);
			cover(
				layer,
				y * width + x,
				1,
				shade(inBrick ? shade([0.55, 0.45, 0.4], brick) : [0.75, 0.73, 0.7], grain),
			);
		}
	}
	return layer;
};

const lightOf = (column: number, row: number): number => noise(column * 7.3, row * 3.1, 77, 1);
