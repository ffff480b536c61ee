import { resizeBilinear } from '../core/bilinear.js';
import type { Raster } from '../core/frame.js';
import type { GridSize, Size } from '../core/size.js';
import type { Manifest } from '../models/manifest.js';
import { type Float32Tensor, float32 } from '../runtime/tensor.js';
import { pilResize } from './pil-resize.js';

type ImageSettings = Manifest['image'];
const roundTo = (value: number, multiple: number): number =>
	Math.max(multiple, Math.round(value / multiple) * multiple);

/** A strip is not enlarged until its short side fits: it would be as many pixels as a wall of pictures. */
const MOST_ELONGATED = 8;

/** The size in pixels at which a model sees an image of the given size. */
export const inputSize = ({ width, height }: Size, { resize }: ImageSettings): Size => {
	if (resize.mode === 'fixed') {
		return { width: resize.width, height: resize.height };
	}
	const scale = Math.min(
		resize.shortSide / Math.min(width, height),
		(MOST_ELONGATED * resize.shortSide) / Math.max(width, height),
	);
	return { width: roundTo(width * scale, resize.multiple), height: roundTo(height * scale, resize.multiple) };
};

/**
 * An image as a model's input: resized, normalised, planar.
 * Shrinking is Pillow's antialiased filter on 8-bit values, as images are loaded in training;
 * enlarging happens after normalisation, in floating point, as the published extractor does.
 *
 * @param loadSide side of the square to which the image is brought first, as the paper's evaluation does; left out, the
 *   image keeps what the input has room for
 * @returns float32 [1, 3, height, width], `(value / 255 - mean) / std`
 */
export const preprocess = (image: Raster<3>, settings: ImageSettings, loadSide?: number): Float32Tensor => {
	const { width, height } = inputSize(image, settings);
	const shrunk = pilResize(
		image,
		Math.min(width, loadSide ?? image.width),
		Math.min(height, loadSide ?? image.height),
	);
	const { mean, std } = settings;
	const planes = normaliseColours(
		shrunk.data,
		(value, channel) => (Math.fround(value / 255) - (mean[channel] ?? 0)) / (std[channel] ?? 1),
	);
	const data = resizeBilinear(planes, 3, shrunk.height, shrunk.width, height, width);
	return float32(data, [1, 3, height, width]);
};

const VALUES = 256;

/**
 * Values of RGB pixels, normalised, in planes.
 *
 * @param data [pixels, 3]
 * @param normalise what a channel's value 0..255 becomes
 * @returns [3, pixels]
 */
const normaliseColours = (
	data: Uint8Array,
	normalise: (value: number, channel: number) => number,
): Float32Array => {
	// 256 possible values a channel: a table is faster than dividing at every pixel.
	const table = Float32Array.from({ length: 3 * VALUES }, (_, at) =>
		normalise(at % VALUES, Math.floor(at / VALUES)),
	);
	const pixels = data.length / 3;
	const planes = new Float32Array(data.length);
	for (let pixel = 0; pixel < pixels; pixel++) {
		planes[pixel] = table[data[3 * pixel]!]!;
		planes[pixels + pixel] = table[VALUES + data[3 * pixel + 1]!]!;
		planes[2 * pixels + pixel] = table[2 * VALUES + data[3 * pixel + 2]!]!;
	}
	return planes;
};

/** The size of a model's descriptor grid for an image. */
export const descriptorGrid = (
	image: Size,
	{ descriptor: { grid }, image: settings }: Manifest,
): GridSize => {
	if (grid.mode === 'fixed') {
		return { height: grid.height, width: grid.width };
	}
	const { width, height } = inputSize(image, settings);
	return { height: Math.round(height / grid.stride), width: Math.round(width / grid.stride) };
};
