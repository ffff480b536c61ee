import { readImage, readImageWithAlpha } from '../../src/media/image.js';

/** A drawn layer: colours 0..1 multiplied by alpha, [height, width, 4]. */
export type Layer = { readonly width: number; readonly height: number; readonly data: Float32Array };

export const emptyLayer = (width: number, height: number): Layer => ({
	...{ width, height },
	data: new Float32Array(width * height * 4),
});

export type Colour = readonly [number, number, number];

const lattice = (x: number, y: number, seed: number): number => {
	let h = Math.imul(x, 374761393) ^ Math.imul(y, 668265263) ^ Math.imul(seed, 974634777);
	h = Math.imul(h ^ (h >>> 13), 1274126177);
	return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
};

/** Noise of several octaves, 0..1. */
export const noise = (x: number, y: number, seed: number, octaves = 4): number => {
	let [sum, weight, scale] = [0, 0.5, 1];
	for (let octave = 0; octave < octaves; octave++, weight /= 2, scale *= 2) {
		const [px, py] = [x * scale, y * scale];
		const [ix, iy] = [Math.floor(px), Math.floor(py)];
		const [fx, fy] = [px - ix, py - iy].map((f) => f * f * (3 - 2 * f)) as [number, number];
		const at = (dx: number, dy: number): number => lattice(ix + dx, iy + dy, seed + octave);
		const top = at(0, 0) * (1 - fx) + at(1, 0) * fx;
		const bottom = at(0, 1) * (1 - fx) + at(1, 1) * fx;
		sum += weight * (top * (1 - fy) + bottom * fy);
	}
	return sum / (1 - 0.5 ** octaves);
};

/** Puts a colour over a pixel. */
export const cover = ({ data }: Layer, pixel: number, coverage: number, [r, g, b]: Colour): void => {
	const at = pixel * 4;
	const rest = 1 - coverage;
	data[at] = data[at]! * rest + r * coverage;
	data[at + 1] = data[at + 1]! * rest + g * coverage;
	data[at + 2] = data[at + 2]! * rest + b * coverage;
	data[at + 3] = data[at + 3]! * rest + coverage;
};

type Point = readonly [number, number];

/** A line with round ends whose width goes from one value to another; thinner than a pixel it covers only a part. */
export const drawLine = (
	layer: Layer,
	[ax, ay]: Point,
	[bx, by]: Point,
	[from, to]: Point,
	colour: Colour,
): void => {
	const reach = Math.max(from, to) / 2 + 1;
	const [dx, dy] = [bx - ax, by - ay];
	const length = dx * dx + dy * dy || 1;
	const right = Math.min(layer.width - 1, Math.ceil(Math.max(ax, bx) + reach));
	const bottom = Math.min(layer.height - 1, Math.ceil(Math.max(ay, by) + reach));
	for (let y = Math.max(0, Math.floor(Math.min(ay, by) - reach)); y <= bottom; y++) {
		for (let x = Math.max(0, Math.floor(Math.min(ax, bx) - reach)); x <= right; x++) {
			const along = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length));
			const width = from + (to - from) * along;
			const distance = Math.hypot(x - ax - along * dx, y - ay - along * dy);
			const edge = Math.max(0, Math.min(1, Math.max(width, 1) / 2 + 0.5 - distance));
			if (edge > 0) {
				cover(layer, y * layer.width + x, edge * Math.min(1, width), colour);
			}
		}
	}
};

/** A shape that is filled where `inside` (a signed distance in pixels, positive inside) says so. */
export const drawShape = (
	layer: Layer,
	inside: (x: number, y: number) => number,
	colour: (x: number, y: number) => Colour,
): void => {
	for (let y = 0; y < layer.height; y++) {
		for (let x = 0; x < layer.width; x++) {
			const coverage = Math.max(0, Math.min(1, inside(x, y) + 0.5));
			if (coverage > 0) {
				cover(layer, y * layer.width + x, coverage, colour(x, y));
			}
		}
	}
};

export const meanOfLayers = (layers: readonly Layer[]): Layer => {
	const [first] = layers as [Layer];
	const data = new Float32Array(first.data.length);
	for (const layer of layers) {
		for (let at = 0; at < data.length; at++) {
			data[at]! += layer.data[at]! / layers.length;
		}
	}
	return { ...first, data };
};

/** Blurred as by a lens: three box filters of each direction. */
export const blurred = (layer: Layer, radius: number): Layer => {
	let { data } = layer;
	for (let pass = 0; pass < 3; pass++) {
		data = boxRows(boxRows(data, layer.width, layer.height, 1, radius), layer.width, layer.height, 0, radius);
	}
	return { ...layer, data };
};

const boxRows = (from: Float32Array, width: number, height: number, axis: 0 | 1, radius: number) => {
	const to = new Float32Array(from.length);
	const [lines, length] = axis === 1 ? [height, width] : [width, height];
	const [line, step] = axis === 1 ? [width * 4, 4] : [4, width * 4];
	for (let l = 0; l < lines; l++) {
		for (let c = 0; c < 4; c++) {
			const base = l * line + c;
			const value = (at: number): number => from[base + Math.max(0, Math.min(length - 1, at)) * step]!;
			let sum = 0;
			for (let at = -radius; at <= radius; at++) {
				sum += value(at);
			}
			for (let at = 0; at < length; at++) {
				to[base + at * step] = sum / (2 * radius + 1);
				sum += value(at + radius + 1) - value(at - radius);
			}
		}
	}
	return to;
};

/** A picture as a layer of its own size. */
export const loadLayer = async (path: string): Promise<Layer> => {
	const { width, height, data } = await readImageWithAlpha(path);
	const layer = emptyLayer(width, height);
	for (let pixel = 0; pixel < width * height; pixel++) {
		const alpha = data[pixel * 4 + 3]! / 255;
		for (let c = 0; c < 3; c++) {
			layer.data[pixel * 4 + c] = (data[pixel * 4 + c]! / 255) * alpha;
		}
		layer.data[pixel * 4 + 3] = alpha;
	}
	return layer;
};

/** A layer, scaled and moved, with its middle at (x, y); bilinear, from means of a whole number of pixels when it shrinks. */
export const placed = (
	source: Layer,
	size: { readonly width: number; readonly height: number },
	[x0, y0]: Point,
	scale: number,
	angle: number,
): Layer => {
	const layer = emptyLayer(size.width, size.height);
	const [cos, sin] = [Math.cos(angle) / scale, Math.sin(angle) / scale];
	const taps = Math.max(1, Math.round(1 / scale));
	for (let y = 0; y < size.height; y++) {
		for (let x = 0; x < size.width; x++) {
			for (let t = 0; t < taps * taps; t++) {
				const [px, py] = [
					x - x0 + ((t % taps) + 0.5) / taps - 0.5,
					y - y0 + (Math.floor(t / taps) + 0.5) / taps - 0.5,
				];
				const [u, v] = [
					cos * px + sin * py + source.width / 2 - 0.5,
					cos * py - sin * px + source.height / 2 - 0.5,
				];
				if (u <= -1 || v <= -1 || u >= source.width || v >= source.height) {
					continue;
				}
				const [iu, iv] = [Math.floor(u), Math.floor(v)];
				for (const [du, dv] of [
					[0, 0],
					[1, 0],
					[0, 1],
					[1, 1],
				] as const) {
					const [su, sv] = [iu + du, iv + dv];
					if (su < 0 || sv < 0 || su >= source.width || sv >= source.height) {
						continue;
					}
					const weight = ((1 - Math.abs(u - su)) * (1 - Math.abs(v - sv))) / (taps * taps);
					for (let c = 0; c < 4; c++) {
						const at = (y * size.width + x) * 4 + c;
						layer.data[at]! += weight * source.data[(sv * source.width + su) * 4 + c]!;
					}
				}
			}
		}
	}
	return layer;
};

/** An opaque picture that fills a layer, shifted by some pixels. */
export const loadBackground = async (
	path: string,
	size: { readonly width: number; readonly height: number },
): Promise<Layer> => {
	const { width, height } = await readImage(path);
	const scale = Math.max(size.width / width, size.height / height) * 1.08;
	return placed(await loadLayer(path), size, [size.width / 2, size.height / 2], scale, 0);
};
