import type { Raster } from '../core/frame.js';
import { bytesAt, intsAt, type Kernels, openKernels } from '../kernels/kernels.js';

/**
 * Resizes to `width` x `height` pixels as Pillow's BILINEAR does with 8-bit images, to the last bit: see {@link triangleFilter}. A side
 * that already fits is left untouched. The published weights were trained on images loaded this way.
 */
export const pilResize = <C extends 1 | 3 | 4>(
	image: Raster<C>,
	width: number,
	height: number,
): Raster<C> => {
	const { channels } = image;
	if (channels === 3) {
		return { width, height, channels, data: resizeColours(image as Raster<3>, width, height) };
	}
	const data = new Uint8Array(width * height * channels);
	for (let first = 0; first < channels; first += 3) {
		const colours = resizeColours(threeChannels(image, first), width, height);
		for (let channel = first; channel < Math.min(first + 3, channels); channel++) {
			for (let pixel = 0; pixel < width * height; pixel++) {
				data[pixel * channels + channel] = colours[pixel * 3 + channel - first]!;
			}
		}
	}
	return { width, height, channels, data };
};

/** Channels from `first` on as those of an RGB image, the rest of which is 0. */
const threeChannels = ({ width, height, channels, data }: Raster, first: number): Raster<3> => {
	const colours = new Uint8Array(width * height * 3);
	for (let channel = first; channel < Math.min(first + 3, channels); channel++) {
		for (let pixel = 0; pixel < width * height; pixel++) {
			colours[pixel * 3 + channel - first] = data[pixel * channels + channel]!;
		}
	}
	return { width, height, channels: 3, data: colours };
};

const VECTOR_BYTES = 16;

/** Kernels, and where their memory begins that is filled anew for every image. */
let workspace: { readonly kernels: Kernels; readonly start: number } | undefined;

const opened = (): Kernels => {
	if (workspace === undefined) {
		const kernels = openKernels();
		workspace = { kernels, start: kernels.allocate(0) };
	}
	workspace.kernels.free(workspace.start);
	return workspace.kernels;
};

/** RGB images: [height, width, 3]. */
const resizeColours = (image: Raster<3>, width: number, height: number): Uint8Array => {
	const kernels = opened();
	const across = triangleFilter(image.width, width);
	const down = triangleFilter(image.height, height);
	const rowBytes = 3 * width;
	const pitch = Math.ceil(rowBytes / VECTOR_BYTES) * VECTOR_BYTES;
	// Filters read behind what they are given, with weights of 0, and one byte is written behind a row.
	const behind = 3 * across.taps + VECTOR_BYTES;
	const source = kernels.allocate(image.data.length + behind);
	const middle = kernels.allocate((image.height + down.taps) * pitch + behind);
	const result = kernels.allocate(height * pitch);
	const offsets = kernels.allocate(4 * width);
	const acrossWeights = kernels.allocate(across.weights.byteLength);
	const downWeights = kernels.allocate(down.weights.byteLength);

	if (image.width === width) {
		for (let y = 0; y < image.height; y++) {
			bytesAt(kernels, middle + y * pitch, rowBytes).set(
				image.data.subarray(y * rowBytes, (y + 1) * rowBytes),
			);
		}
	} else {
		bytesAt(kernels, source, image.data.length).set(image.data);
		intsAt(kernels, offsets, width).set(across.first.map((pixel) => 3 * pixel));
		intsAt(kernels, acrossWeights, across.weights.length).set(across.weights);
		for (let y = 0; y < image.height; y++) {
			const row = source + y * 3 * image.width;
			kernels.filterRow(row, offsets, acrossWeights, across.taps, middle + y * pitch, width);
		}
	}
	if (image.height !== height) {
		intsAt(kernels, downWeights, down.weights.length).set(down.weights);
		for (let y = 0; y < height; y++) {
			const rows = middle + down.first[y]! * pitch;
			const out = result + y * pitch;
			kernels.filterColumns(rows, pitch, downWeights + 4 * y * down.taps, down.taps, out, out + pitch);
		}
	}
	const from = image.height === height ? middle : result;
	const out = new Uint8Array(rowBytes * height);
	for (let y = 0; y < height; y++) {
		out.set(bytesAt(kernels, from + y * pitch, rowBytes), y * rowBytes);
	}
	return out;
};

/** Fixed-point weights have so many bits behind the point. */
const PRECISION_BITS = 32 - 8 - 2;

/** For each output position the first input position, and `taps` weights (zero-padded). */
type Filter = { readonly first: Int32Array; readonly weights: Int32Array; readonly taps: number };

const triangle = (x: number): number => Math.max(0, 1 - Math.abs(x));

/**
 * The filter of Pillow's BILINEAR resampling along one axis (libImaging/Resample.c): a triangle that widens with the shrink
 * factor, so that it is antialiased, in fixed-point weights. The result is rounded to 8 bits after each axis.
 */
const triangleFilter = (inputSize: number, outputSize: number): Filter => {
	const scale = inputSize / outputSize;
	const support = Math.max(scale, 1);
	const taps = Math.ceil(support) * 2 + 1;
	const first = new Int32Array(outputSize);
	const weights = new Int32Array(outputSize * taps);
	for (let i = 0; i < outputSize; i++) {
		const centre = (i + 0.5) * scale;
		const begin = Math.max(0, Math.trunc(centre - support + 0.5));
		const end = Math.min(inputSize, Math.trunc(centre + support + 0.5));
		const exact: number[] = [];
		for (let j = begin; j < end; j++) {
			exact.push(triangle((j - centre + 0.5) / support));
		}
		const sum = exact.reduce((total, weight) => total + weight, 0);
		first[i] = begin;
		exact.forEach((weight, j) => {
			weights[i * taps + j] = Math.trunc(0.5 + (weight / sum) * (1 << PRECISION_BITS));
		});
	}
	return { first, weights, taps };
};
