import type { Point } from '../../core/point.js';
import { cellsFromPixels, type GridSize, type Size } from '../../core/size.js';
import { labelsFromMask } from '../../core/soft-labels.js';
import { type Float32Tensor, float32 } from '../../runtime/tensor.js';
import type { Hints, Stroke } from './hints.js';

/** Of a stroke, in cells, as the decoder was trained with (training/hints.py). */
const RADIUS = Math.sqrt(10);

/**
 * Hints as the click decoder takes them.
 *
 * @param image in pixels; what lies outside of it is left out
 * @param soFar [height * width] the mask so far, 0..1
 * @returns float32 [1, 4, height, width] 0..1: strokes on the object, strokes on what it is not, what is outside the box, the mask so far
 */
export const hintMaps = (
	{ object, background, box }: Pick<Hints, 'object' | 'background' | 'box'>,
	image: Size,
	grid: GridSize,
	soFar?: Float32Array,
): Float32Tensor => {
	const cells = grid.width * grid.height;
	const maps = new Float32Array(4 * cells);
	const cellOf = ([x, y]: Point): Point => [
		Math.round(cellsFromPixels(x, image.width, grid.width)),
		Math.round(cellsFromPixels(y, image.height, grid.height)),
	];
	for (const [kind, strokes] of [object, background].entries()) {
		for (const stroke of strokes) {
			draw(maps.subarray(kind * cells, (kind + 1) * cells), grid, stroke.map(cellOf));
		}
	}
	if (box !== undefined) {
		const [[left, top], [right, bottom]] = [cellOf([box[0], box[1]]), cellOf([box[2], box[3]])];
		for (let y = 0; y < grid.height; y++) {
			for (let x = 0; x < grid.width; x++) {
				const isInside = x >= left && x <= right && y >= top && y <= bottom;
				maps[2 * cells + y * grid.width + x] = isInside ? 0 : 1;
			}
		}
	}
	maps.set(soFar ?? [], 3 * cells);
	return float32(maps, [1, 4, grid.height, grid.width]);
};

const draw = (map: Float32Array, { width, height }: GridSize, stroke: Stroke): void => {
	const [first] = stroke;
	if (first === undefined) {
		return;
	}
	for (const [at, to] of stroke.entries()) {
		const from = stroke[at - 1] ?? to;
		const reach = Math.floor(RADIUS);
		const [left, right] = [Math.min(from[0], to[0]) - reach, Math.max(from[0], to[0]) + reach];
		const [top, bottom] = [Math.min(from[1], to[1]) - reach, Math.max(from[1], to[1]) + reach];
		for (let y = Math.max(0, top); y <= Math.min(height - 1, bottom); y++) {
			for (let x = Math.max(0, left); x <= Math.min(width - 1, right); x++) {
				if (distance([x, y], from, to) <= RADIUS) {
					map[y * width + x] = 1;
				}
			}
		}
	}
};

/** Of a point from the line between two. */
const distance = ([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number => {
	const [dx, dy] = [bx - ax, by - ay];
	const along = dx === 0 && dy === 0 ? 0 : ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy);
	const share = Math.max(0, Math.min(1, along));
	return Math.hypot(x - ax - share * dx, y - ay - share * dy);
};

/** How much of each cell a mask covers. @param mask [height * width] 1 on the object */
export const sharesOf = (mask: Uint8Array, { width, height }: Size, grid: GridSize): Float32Array => {
	const { data } = labelsFromMask({ width, height, ids: mask, palette: new Uint8Array() }, grid, [0, 1]);
	return Float32Array.from({ length: grid.width * grid.height }, (_, cell) => data[cell * 2 + 1]!);
};
