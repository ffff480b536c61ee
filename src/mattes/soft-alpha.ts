import type { Raster } from '../core/frame.js';
import type { Size } from '../core/size.js';
import { bytesAt, type Kernels, openKernels, shortsAt } from '../kernels/kernels.js';

/** A part of an image. */
export type Box = Size & { readonly x: number; readonly y: number };

/** The opacity of what nothing shines through. */
export const OPAQUE = 65535;

/** All lengths are in pixels of 480 lines: see `kernels/assembly/matte/soft-alpha.ts`. */
export const LINES = 480;
/** Around the object, what its border may have to do with. */
const MARGIN = 48;

/** The frames of a clip have one size: the memory stays for the next one. */
let kernels: Kernels | undefined;

/**
 * The opacity of an object that covers pixels partly: a band around the border of its mask, in which the image's colours decide
 * how much of each pixel is the object's. Far from the border it is what the mask says.
 *
 * @param mask [height * width] 1 in the object
 * @returns where anything is opaque, and how much (0..`OPAQUE`); undefined without an object
 */
export const softAlpha = (
	image: Raster<3>,
	mask: Uint8Array,
): { readonly box: Box; readonly alpha: Uint16Array } | undefined => {
	const scale = Math.min(image.width, image.height) / LINES;
	// Lines change slowly from pixel to pixel, so that large images need them for blocks of pixels only
	// (He & Sun, "Fast Guided Filter", 2015); they are applied to each pixel's own colour.
	const block = Math.max(1, Math.floor(scale));
	const box = boxOf(mask, image, Math.ceil(MARGIN * scale), block);
	if (box === undefined) {
		return undefined;
	}
	kernels ??= openKernels();
	kernels.openMatte(box.width, box.height, block);
	const pixels = bytesAt(kernels, kernels.mattePixels(), 3 * box.width * box.height);
	const inside = bytesAt(kernels, kernels.matteMask(), box.width * box.height);
	for (let y = 0; y < box.height; y++) {
		const from = (box.y + y) * image.width + box.x;
		pixels.set(image.data.subarray(3 * from, 3 * (from + box.width)), 3 * y * box.width);
		inside.set(mask.subarray(from, from + box.width), y * box.width);
	}
	const found = kernels.findAlpha(scale);
	return { box, alpha: shortsAt(kernels, found, box.width * box.height).slice() };
};

/** What surrounds the object with a margin, in whole blocks as far as the image goes. */
const boxOf = (mask: Uint8Array, { width, height }: Size, margin: number, block: number): Box | undefined => {
	let [left, right, top, bottom] = [width, -1, height, -1];
	for (let y = 0; y < height; y++) {
		const first = mask.indexOf(1, y * width);
		if (first < 0) {
			break;
		}
		const row = Math.floor(first / width);
		if (row > y) {
			y = row;
		}
		top = Math.min(top, y);
		bottom = y;
		left = Math.min(left, first - y * width);
		right = Math.max(right, mask.lastIndexOf(1, (y + 1) * width - 1) - y * width);
	}
	if (right < 0) {
		return undefined;
	}
	const down = (at: number): number => Math.max(0, Math.floor((at - margin) / block) * block);
	const [x, y] = [down(left), down(top)];
	return {
		...{ x, y },
		width: Math.min(width, right + 1 + margin) - x,
		height: Math.min(height, bottom + 1 + margin) - y,
	};
};
