import type { Raster } from '../../core/frame.js';
import type { Size } from '../../core/size.js';
import type { Hints, Stroke } from './hints.js';

/** A part of an image in whole pixels. */
export type Region = Size & { readonly left: number; readonly top: number };

export const isSame = (a: Region, b: Region): boolean =>
	a.left === b.left && a.top === b.top && a.width === b.width && a.height === b.height;

/** How much around an object is seen in a close-up of it, of its own size. */
const MARGIN = 0.25;
/** Close-ups begin and end on a lattice of so many steps on the short side, so that a small correction doesn't move them. */
const STEPS = 12;

/**
 * What a close-up shows: what has been found, and where the hints say that the object is, with something around it.
 *
 * @param found [height * width] 1 on the object
 * @returns undefined where nothing has been found and nothing is said
 */
export const closeUpOf = (
	{ width, height }: Size,
	found: Uint8Array,
	{ object, box }: Hints,
): Region | undefined => {
	let [left, top, right, bottom] = [width, height, -1, -1];
	const include = (x: number, y: number): void => {
		left = Math.min(left, x);
		top = Math.min(top, y);
		right = Math.max(right, x);
		bottom = Math.max(bottom, y);
	};
	for (let y = 0; y < height; y++) {
		const row = found.subarray(y * width, (y + 1) * width);
		const first = row.indexOf(1);
		if (first >= 0) {
			include(first, y);
			include(row.lastIndexOf(1), y);
		}
	}
	for (const [x, y] of object.flat()) {
		include(x, y);
	}
	if (right < left && box !== undefined) {
		include(box[0], box[1]);
		include(box[2], box[3]);
	}
	if (right < left) {
		return undefined;
	}
	const step = Math.min(width, height) / STEPS;
	const begin = (from: number, to: number): number =>
		Math.max(0, Math.floor(Math.floor((from - margin(from, to, step)) / step) * step));
	const end = (from: number, to: number, most: number): number =>
		Math.min(most, Math.ceil(Math.ceil((to + margin(from, to, step)) / step) * step));
	const [x, y] = [begin(left, right), begin(top, bottom)];
	return { left: x, top: y, width: end(left, right, width) - x, height: end(top, bottom, height) - y };
};

const margin = (from: number, to: number, least: number): number =>
	Math.max(MARGIN * (to - from + 1), least / 2);

/** Hints of an image in the pixels of a part of it. */
export const within = ({ left, top }: Region, { object, background, box }: Hints): Hints => {
	const moved = (strokes: readonly Stroke[]): Stroke[] =>
		strokes.map((stroke) => stroke.map(([x, y]) => [x - left, y - top]));
	return {
		object: moved(object),
		background: moved(background),
		box: box && [box[0] - left, box[1] - top, box[2] - left, box[3] - top],
	};
};

export const crop = (image: Raster<3>, { left, top, width, height }: Region): Raster<3> => {
	const data = new Uint8Array(width * height * 3);
	for (let y = 0; y < height; y++) {
		const from = ((top + y) * image.width + left) * 3;
		data.set(image.data.subarray(from, from + width * 3), y * width * 3);
	}
	return { width, height, channels: 3, data };
};
