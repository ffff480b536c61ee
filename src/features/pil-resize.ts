import type { Raster } from '../core/frame.js';
import { resizeColours } from './resize-colours.js';
import { type Filter, PRECISION_BITS, ROUNDING, triangleFilter } from './triangle-filter.js';

/** Filters along x. */
const filterRows = (image: Raster, width: number): Uint8Array => {
	const { height, channels } = image;
	const filter = triangleFilter(image.width, width);
	const result = new Uint8Array(height * width * channels);
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
			const begin = first[x]!;
			const end = Math.min(begin + taps, width);
			let sum = ROUNDING;
			let weight = x * taps;
			for (let column = begin; column < end; column++) {
				sum += weights[weight++]! * data[(y * width + column) * channels + channel]!;
			}
			// The weights are positive and sum to one, so the value can't leave 0..255.
			result[target] = sum >> PRECISION_BITS;
			target += channels;
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
			const weight = weights[y * taps + tap]!;
			if (weight === 0) {
				continue;
			}
			const source = (first[y]! + tap) * rowBytes;
			for (let k = 0; k < rowBytes; k++) {
				sums[k]! += weight * data[source + k]!;
			}
		}
		for (let k = 0; k < rowBytes; k++) {
			result[y * rowBytes + k] = sums[k]! >> PRECISION_BITS;
		}
	}
	return result;
};

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
		// Every frame of a clip comes through here.
		return { width, height, channels, data: resizeColours(image as Raster<3>, width, height) };
	}
	let data = image.data;
	if (image.width !== width) {
		data = filterRows(image, width);
	}
	if (image.height !== height) {
		data = filterColumns(data, image.height, height, width * channels);
	}
	return { width, height, channels, data };
};
