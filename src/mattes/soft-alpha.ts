import type { Raster } from '../core/frame.js';
import type { Size } from '../core/size.js';
import { bytesAt, floatsAt, type Kernels, openKernels, shortsAt } from '../kernels/kernels.js';

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
 * @param before for less chatter, of the same object in the frames before
 * @returns where anything is opaque, and how much (0..`OPAQUE`); undefined without an object
 */
export const softAlpha = (
	image: Raster<3>,
	mask: Uint8Array,
	before?: LinesBefore,
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
	kernels.findLines(scale);
	before?.steady(kernels, box, block);
	return { box, alpha: shortsAt(kernels, kernels.writeAlpha(), box.width * box.height).slice() };
};

/** What was found for an object in the frame before; it changes with each frame that it is given for. */
export class LinesBefore {
	#found: Found | undefined;

	steady(kernels: Kernels, box: Box, block: number): void {
		const place = kernels.openBefore();
		const pitch = kernels.cellRowBytes() / 4;
		const cells = {
			...{ x: box.x / block, y: box.y / block },
			...{ width: Math.ceil(box.width / block), height: Math.ceil(box.height / block) },
		};
		const length = PLANES * pitch * cells.height;
		if (this.#found !== undefined) {
			copyShared(this.#found, { cells, pitch, planes: floatsAt(kernels, place, length) });
		}
		const kept = kernels.steadyLines();
		this.#found = { cells, pitch, planes: floatsAt(kernels, kept, length).slice() };
	}
}

/** See `kernels/assembly/matte/steady.ts`. */
const PLANES = 8;

type Found = {
	/** Where it lies, in blocks of pixels. */
	readonly cells: Box;
	/** From one row to the next. */
	readonly pitch: number;
	/** [PLANES, height, pitch] */
	readonly planes: Float32Array;
};

/** Copies what lies in the boxes of both. */
const copyShared = (from: Found, to: Found): void => {
	const left = Math.max(from.cells.x, to.cells.x);
	const right = Math.min(from.cells.x + from.cells.width, to.cells.x + to.cells.width);
	const top = Math.max(from.cells.y, to.cells.y);
	const bottom = Math.min(from.cells.y + from.cells.height, to.cells.y + to.cells.height);
	const at = ({ cells, pitch }: Found, plane: number, y: number): number =>
		(plane * cells.height + y - cells.y) * pitch + left - cells.x;
	for (let plane = 0; left < right && plane < PLANES; plane++) {
		for (let y = top; y < bottom; y++) {
			const first = at(from, plane, y);
			to.planes.set(from.planes.subarray(first, first + right - left), at(to, plane, y));
		}
	}
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
