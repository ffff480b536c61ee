import { cellsOfPixels, type GridSize, type Size } from '../../core/size.js';
import { sharesOf } from './hint-maps.js';

/**
 * What was marked before, changed only where it hangs together with a stroke: what somebody has painted elsewhere stays as it is (the
 * progressive merge of FocalClick, Chen et al. 2022).
 *
 * @param before [height * width] 1 on the object
 * @param after the same, as strokes would have it
 * @param strokes [grid] 1 where they are
 */
export const corrected = (
	before: Uint8Array,
	after: Uint8Array,
	size: Size,
	strokes: Float32Array,
	grid: GridSize,
): Uint8Array => {
	const { width, height } = grid;
	const [old, now] = [sharesOf(before, size, grid), sharesOf(after, size, grid)];
	const isOther = old.map((share, cell) => (Math.abs(share - now[cell]!) > 0.5 ? 1 : 0));
	const changes = new Uint8Array(width * height);
	const waiting: number[] = [];
	const visit = (cell: number): void => {
		if (changes[cell] === 0) {
			changes[cell] = 1;
			waiting.push(cell);
		}
	};
	for (const [cell, value] of strokes.entries()) {
		if (value === 1) {
			visit(cell);
		}
	}
	// From what the strokes touch to what is to change beside it, and one cell around that: borders lie within cells.
	for (let cell = waiting.pop(); cell !== undefined; cell = waiting.pop()) {
		if (isOther[cell] !== 1 && strokes[cell] !== 1) {
			continue;
		}
		const [x, y] = [cell % width, Math.floor(cell / width)];
		for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
			for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
				visit(row * width + column);
			}
		}
	}
	const [columns, rows] = [cellsOfPixels(size.width, width), cellsOfPixels(size.height, height)];
	return before.map((value, pixel) => {
		const [x, y] = [pixel % size.width, Math.floor(pixel / size.width)];
		const isChanged = changes[rows[y]! * width + columns[x]!] === 1;
		return isChanged ? after[pixel]! : value;
	});
};
