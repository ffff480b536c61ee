import type { Size } from '../core/size.js';

/**
 * For each pixel the nearest pixel inside a mask, by propagating nearest pixels over the image to and fro
 * (Danielsson's distance mapping, with all eight neighbours: off by a fraction of a pixel at worst).
 *
 * @param mask [H * W] 1 inside; at least one pixel
 * @returns [H * W] pixel numbers
 */
export const nearestInside = (mask: Uint8Array, { width, height }: Size): Int32Array => {
	const nearest = Int32Array.from(mask, (inside, pixel) => (inside === 1 ? pixel : -1));
	const squaredDistance = (pixel: number, other: number): number => {
		const dx = (pixel % width) - (other % width);
		const dy = Math.floor(pixel / width) - Math.floor(other / width);
		return dx * dx + dy * dy;
	};
	const consider = (pixel: number, x: number, y: number, dx: number, dy: number): void => {
		if (x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height) {
			return;
		}
		const candidate = nearest[pixel + dy * width + dx]!;
		const held = nearest[pixel]!;
		if (
			candidate !== -1 &&
			(held === -1 || squaredDistance(pixel, candidate) < squaredDistance(pixel, held))
		) {
			nearest[pixel] = candidate;
		}
	};
	const sweep = (direction: 1 | -1): void => {
		for (let i = 0; i < width * height; i++) {
			const pixel = direction === 1 ? i : width * height - 1 - i;
			const [x, y] = [pixel % width, Math.floor(pixel / width)];
			for (const dx of [-1, 0, 1]) {
				consider(pixel, x, y, dx, -direction);
			}
			consider(pixel, x, y, -direction, 0);
		}
	};
	// Twice, because a nearest pixel to the side of the sweep is only met on the way back.
	for (const direction of [1, -1, 1, -1] as const) {
		sweep(direction);
	}
	return nearest;
};
