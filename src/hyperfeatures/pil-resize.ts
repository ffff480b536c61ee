import type { Raster } from '../media/frame.js';

/**
 * Pillow's BILINEAR resampling of 8-bit images, to the last bit: a triangle filter that widens with the shrink
 * factor (so it is antialiased), two passes, and fixed-point weights with 8-bit rounding after each pass
 * (libImaging/Resample.c). The published weights were trained on images loaded this way.
 */
const PRECISION_BITS = 32 - 8 - 2;
const ROUNDING = 1 << (PRECISION_BITS - 1);

/** For each output position the first input position, and `taps` weights (zero-padded). */
type Filter = { readonly first: Int32Array; readonly weights: Int32Array; readonly taps: number };

const triangle = (x: number): number => Math.max(0, 1 - Math.abs(x));

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

/** Filters along x. */
const filterRows = (image: Raster, width: number): Uint8Array => {
	const { height, channels } = image;
	const filter = triangleFilter(image.width, width);
	const result = new Uint8Array(height * width * channels);
	if (channels === 3) {
		filterColourRows(image, filter, result);
		return result;
	}
	for (let channel = 0; channel < channels; channel++) {
		filterChannelRows(image, channel, filter, result);
	}
	return result;
};

const filterChannelRows = (
	{ data, width, height, channels }: Raster,
	channel: number,
	{ first, weights, taps }: Filter,
	result: Uint8Array,
): void => {
	let target = channel;
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < first.length; x++) {
			const begin = first[x] as number;
			const end = Math.min(begin + taps, width);
			let sum = ROUNDING;
			let weight = x * taps;
			for (let column = begin; column < end; column++) {
				sum += (weights[weight++] as number) * (data[(y * width + column) * channels + channel] as number);
			}
			// The weights are positive and sum to one, so the value can't leave 0..255.
			result[target] = sum >> PRECISION_BITS;
			target += channels;
		}
	}
};

/** As {@link filterChannelRows} for all of RGB at once: most images have three channels, and every frame of a clip comes through here. */
const filterColourRows = (
	{ data, width, height }: Raster,
	{ first, weights, taps }: Filter,
	result: Uint8Array,
): void => {
	let target = 0;
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < first.length; x++) {
			const begin = first[x] as number;
			const last = Math.min(begin + taps, width) - begin;
			let red = ROUNDING;
			let green = ROUNDING;
			let blue = ROUNDING;
			let at = (y * width + begin) * 3;
			for (let tap = x * taps; tap < x * taps + last; tap++) {
				const weight = weights[tap] as number;
				red += weight * (data[at] as number);
				green += weight * (data[at + 1] as number);
				blue += weight * (data[at + 2] as number);
				at += 3;
			}
			result[target] = red >> PRECISION_BITS;
			result[target + 1] = green >> PRECISION_BITS;
			result[target + 2] = blue >> PRECISION_BITS;
			target += 3;
		}
	}
};

/** Filters along y; whole rows are added up, because memory is read in order that way. */
const filterColumns = (data: Uint8Array, height: number, newHeight: number, rowBytes: number): Uint8Array => {
	const { first, weights, taps } = triangleFilter(height, newHeight);
	const result = new Uint8Array(newHeight * rowBytes);
	const sums = new Int32Array(rowBytes);
	for (let y = 0; y < newHeight; y++) {
		sums.fill(ROUNDING);
		for (let tap = 0; tap < taps; tap++) {
			const weight = weights[y * taps + tap] as number;
			if (weight === 0) {
				continue;
			}
			const source = ((first[y] as number) + tap) * rowBytes;
			for (let k = 0; k < rowBytes; k++) {
				sums[k] = (sums[k] as number) + weight * (data[source + k] as number);
			}
		}
		for (let k = 0; k < rowBytes; k++) {
			result[y * rowBytes + k] = (sums[k] as number) >> PRECISION_BITS;
		}
	}
	return result;
};

/** Resizes to `width` x `height` pixels; a side that already fits is left untouched, as Pillow does. */
export const pilResize = <C extends 1 | 3 | 4>(
	image: Raster<C>,
	width: number,
	height: number,
): Raster<C> => {
	const { channels } = image;
	let data = image.data;
	if (image.width !== width) {
		data = filterRows(image, width);
	}
	if (image.height !== height) {
		data = filterColumns(data, image.height, height, width * channels);
	}
	return { width, height, channels, data };
};
