import type { Raster } from '../core/frame.js';

/** Digits of 3 x 5 dots, a row of 3 bits each, top first. A font of our own: a machine may have none. */
const glyphs: readonly (readonly number[])[] = [
	[7, 5, 5, 5, 7],
	[2, 6, 2, 2, 7],
	[7, 1, 7, 4, 7],
	[7, 1, 7, 1, 7],
	[5, 5, 7, 1, 1],
	[7, 4, 7, 1, 7],
	[7, 4, 7, 5, 7],
	[7, 1, 1, 2, 2],
	[7, 5, 7, 5, 7],
	[7, 5, 7, 1, 7],
];

/** Writes a whole number in white on black into the image, its box's top left corner at (left, top). */
export const drawNumber = (image: Raster<3>, value: number, left: number, top: number, dot: number): void => {
	const digits = [...String(value)].map(Number);
	const width = (digits.length * 4 + 1) * dot;
	const height = 7 * dot;
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const column = Math.floor(x / dot) - 1;
			const row = Math.floor(y / dot) - 1;
			const bits = glyphs[digits[Math.floor(column / 4)] ?? -1]?.[row] ?? 0;
			const isLit = column >= 0 && column % 4 < 3 && (bits & (4 >> (column % 4))) !== 0;
			if (left + x < image.width && top + y < image.height) {
				image.data.fill(
					isLit ? 255 : 0,
					((top + y) * image.width + left + x) * 3,
					((top + y) * image.width + left + x) * 3 + 3,
				);
			}
		}
	}
};
