import type { Raster } from '../media/frame.js';
import type { Manifest } from '../models/manifest.js';
import { type Float32Tensor, float32 } from '../runtime/tensor.js';
import { resizeBilinear } from './bilinear.js';
import { pilResize } from './pil-resize.js';

type ImageSettings = Manifest['image'];
type Size = { readonly width: number; readonly height: number };

const roundTo = (value: number, multiple: number): number =>
	Math.max(multiple, Math.round(value / multiple) * multiple);

/** The size in pixels at which a model sees an image of the given size. */
export const inputSize = ({ width, height }: Size, { resize }: ImageSettings): Size => {
	if (resize.mode === 'fixed') {
		return { width: resize.width, height: resize.height };
	}
	const scale = resize.shortSide / Math.min(width, height);
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
	const planes = normalised(shrunk, settings);
	const data = resizeBilinear(planes, 3, shrunk.height, shrunk.width, height, width);
	return float32(data, [1, 3, height, width]);
};

/** [3, height, width], `(value / 255 - mean) / std`. */
const normalised = ({ data, width, height }: Raster<3>, { mean, std }: ImageSettings): Float32Array => {
	// 256 possible values a channel: a table is faster than dividing at every pixel.
	const table = (channel: 0 | 1 | 2): Float32Array =>
		Float32Array.from(
			{ length: 256 },
			(_, value) => (Math.fround(value / 255) - (mean[channel] ?? 0)) / (std[channel] ?? 1),
		);
	const [red, green, blue] = [table(0), table(1), table(2)];
	const area = width * height;
	const planes = new Float32Array(3 * area);
	for (let pixel = 0; pixel < area; pixel++) {
		planes[pixel] = red[data[3 * pixel] as number] as number;
		planes[area + pixel] = green[data[3 * pixel + 1] as number] as number;
		planes[2 * area + pixel] = blue[data[3 * pixel + 2] as number] as number;
	}
	return planes;
};
