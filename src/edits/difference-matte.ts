import { components, dilate, fillHoles } from '../core/binary-raster.js';
import type { Raster } from '../core/frame.js';

/** What is to be carried: straight colours and opacity for every pixel of the first frame. */
export type EditLayer = Raster<4>;

/** A difference of so many levels may be rounding or compression, whatever the image. */
const LEAST_NOISE = 3;
/** A change must rise this far above the noise somewhere, or it is noise itself. */
const CLEAR_RISE = 10;
/** Specks up to this many pixels are dropped, holes up to it are closed: share of the image. */
const SPECK_SHARE = 2e-5;
const HOLE_SHARE = 4e-3;
/** Edges are antialiased over about this many pixels. */
const EDGE_PIXELS = 2;

/**
 * The edit in an edited frame: where it differs clearly from the original, without specks and holes, with soft edges.
 * The colours are chosen so that the layer over the original gives the edited frame again.
 *
 * @returns undefined when there is no difference beyond compression noise
 */
export const differenceMatte = (original: Raster<3>, edited: Raster<4>): EditLayer | undefined => {
	const { width, height } = original;
	const difference = differences(original, edited);
	const noise = noiseLevel(difference);
	const low = LEAST_NOISE + 2 * noise;
	const changed = difference.map((value) => (value > low ? 1 : 0));
	const area = width * height;
	const support = new Uint8Array(area);
	for (const pixels of components(changed, width, height)) {
		let peak = 0;
		for (const pixel of pixels) {
			peak = Math.max(peak, difference[pixel]!);
		}
		if (pixels.length > Math.max(4, SPECK_SHARE * area) && peak > low + CLEAR_RISE) {
			for (const pixel of pixels) {
				support[pixel] = 1;
			}
		}
	}
	if (!support.includes(1)) {
		return undefined;
	}
	fillHoles(support, width, height, HOLE_SHARE * area);

	const outside = support.map((value) => 1 - value);
	const edge = dilate(outside, width, height, EDGE_PIXELS);
	const data = new Uint8Array(area * 4);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const pixel = y * width + x;
			if (support[pixel] === 0) {
				continue;
			}
			const share = edge[pixel] === 0 ? 1 : edgeShare(difference, width, height, x, y, difference[pixel]!);
			const opacity = Math.max(1, Math.round(255 * Math.max(share, leastShare(original, edited, pixel))));
			data[pixel * 4 + 3] = opacity;
			for (let channel = 0; channel < 3; channel++) {
				const behind = original.data[pixel * 3 + channel]!;
				const wanted = edited.data[pixel * 4 + channel]!;
				data[pixel * 4 + channel] = Math.round(behind + ((wanted - behind) * 255) / opacity);
			}
		}
	}
	return { width, height, channels: 4, data };
};

/** The largest difference of a pixel's channels, in levels. */
const differences = (original: Raster<3>, edited: Raster<4>): Uint8Array =>
	Uint8Array.from({ length: original.width * original.height }, (_, pixel) => {
		let most = 0;
		for (let channel = 0; channel < 3; channel++) {
			most = Math.max(
				most,
				Math.abs(original.data[pixel * 3 + channel]! - edited.data[pixel * 4 + channel]!),
			);
		}
		return most;
	});

/**
 * The median difference: an edit that was saved as JPEG differs a little everywhere. Where more than half of the frame
 * is edited the median says nothing of noise, and it is taken to be small.
 */
const noiseLevel = (difference: Uint8Array): number => {
	const counts = new Uint32Array(256);
	for (const value of difference) {
		counts[value]! += 1;
	}
	let seen = 0;
	let median = 0;
	while (seen + counts[median]! < difference.length / 2) {
		seen += counts[median++]!;
	}
	return median > 8 ? 1 : median;
};

/** Of an edge's pixel, the share that the edit covers: its difference against the greatest one nearby. */
const edgeShare = (
	difference: Uint8Array,
	width: number,
	height: number,
	x: number,
	y: number,
	own: number,
): number => {
	let most = own;
	for (let ny = Math.max(0, y - 2); ny <= Math.min(height - 1, y + 2); ny++) {
		for (let nx = Math.max(0, x - 2); nx <= Math.min(width - 1, x + 2); nx++) {
			most = Math.max(most, difference[ny * width + nx]!);
		}
	}
	return own / most;
};

/** The least opacity at which a colour within 0..255 gives the edited pixel over the original one. */
const leastShare = (original: Raster<3>, edited: Raster<4>, pixel: number): number => {
	let least = 0;
	for (let channel = 0; channel < 3; channel++) {
		const behind = original.data[pixel * 3 + channel]!;
		const wanted = edited.data[pixel * 4 + channel]!;
		const room = wanted > behind ? 255 - behind : behind;
		least = Math.max(least, room === 0 ? 0 : Math.abs(wanted - behind) / room);
	}
	return least;
};
