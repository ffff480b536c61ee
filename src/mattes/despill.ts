import type { Raster } from '../core/frame.js';
import type { Size } from '../core/size.js';
import { boxMean } from './planes.js';
import { type Box, LINES, OPAQUE } from './soft-alpha.js';

/** How much more of one colour than of the others a background has (of 255) that throws it onto objects: a screen has more. */
const [LEAST_EXCESS, FULL_EXCESS] = [15, 45] as const;
/** As far from the edge, in pixels of 480 lines, light through and around it is to be expected. */
const EDGE = 24;

/**
 * Takes out of an object's colours what its surroundings have thrown onto it, where those are mostly red, green or blue, as screens in
 * studios are. Inside, that colour may be as strong as the stronger of the other two; at the edge, as their mean. What is taken away
 * is given back as grey.
 *
 * @param colours of the object
 * @param image as it was filmed: what is around the object tells the colour
 * @param alpha 0..`OPAQUE`
 * @param box beyond which surroundings don't count
 */
export const despilled = (colours: Raster<3>, image: Raster<3>, alpha: Uint16Array, box: Box): Raster<3> => {
	const spill = spillOf(image, alpha, box);
	if (spill === undefined) {
		return colours;
	}
	const { channel, strength } = spill;
	const [second, third] = [(channel + 1) % 3, (channel + 2) % 3];
	const depth = depths(image, alpha, box);
	const data = colours.data.slice();
	for (let y = 0; y < box.height; y++) {
		for (let x = 0; x < box.width; x++) {
			const pixel = (box.y + y) * image.width + box.x + x;
			const at = pixel * 3;
			const [a, b] = [data[at + second]!, data[at + third]!];
			const [most, mean] = [Math.max(a, b), (a + b) / 2];
			const limit = mean + (most - mean) * depth[y * box.width + x]! ** 2;
			const excess = strength * (data[at + channel]! - limit);
			if (excess > 0 && alpha[pixel]! > 0) {
				// Light as the eye weighs it does not matter here: spill is light that was added to all of the object's own.
				const grey = excess / 3;
				data[at + channel] = Math.round(data[at + channel]! - excess + grey);
				data[at + second] = Math.min(255, Math.round(a + grey));
				data[at + third] = Math.min(255, Math.round(b + grey));
			}
		}
	}
	return { ...colours, data };
};

/** The colour that surroundings are mostly of, and how much of it is taken out. */
const spillOf = (
	image: Raster<3>,
	alpha: Uint16Array,
	box: Box,
): { readonly channel: number; readonly strength: number } | undefined => {
	const sums = [0, 0, 0] as [number, number, number];
	let count = 0;
	for (let y = box.y; y < box.y + box.height; y++) {
		for (let pixel = y * image.width + box.x; pixel < y * image.width + box.x + box.width; pixel++) {
			if (alpha[pixel] === 0) {
				sums[0] += image.data[pixel * 3]!;
				sums[1] += image.data[pixel * 3 + 1]!;
				sums[2] += image.data[pixel * 3 + 2]!;
				count++;
			}
		}
	}
	const channel = sums.indexOf(Math.max(...sums));
	const others = sums.filter((_, n) => n !== channel);
	const excess = (sums[channel]! - Math.max(...others)) / Math.max(1, count);
	const strength = Math.min(1, (excess - LEAST_EXCESS) / (FULL_EXCESS - LEAST_EXCESS));
	return strength > 0 ? { channel, strength } : undefined;
};

/** Of each pixel in the box: 0 at the object's edge, 1 inside. */
const depths = (image: Size, alpha: Uint16Array, box: Box): Float32Array => {
	const opacity = new Float32Array(box.width * box.height);
	for (let y = 0; y < box.height; y++) {
		for (let x = 0; x < box.width; x++) {
			opacity[y * box.width + x] = alpha[(box.y + y) * image.width + box.x + x]! / OPAQUE;
		}
	}
	const radius = Math.max(1, Math.round((EDGE * Math.min(image.width, image.height)) / LINES));
	return boxMean(opacity, box, radius).map((share) => Math.max(0, 2 * share - 1));
};
