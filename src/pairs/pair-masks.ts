import type { BackwardFlow } from '../core/backward-flow.js';
import { cellsOfPixels, type GridSize, type Size } from '../core/size.js';

/** Parts of the images that matching is limited to: 1 inside, 0 outside, a byte a pixel. */
export type PairMasks = {
	readonly source?: Uint8Array | undefined;
	readonly target?: Uint8Array | undefined;
};

/**
 * The cells that belong to a mask: those at least half covered, or, when the mask is so small that there are none,
 * those it touches.
 *
 * @param mask [H * W] 1 inside
 * @returns [cells] 1 inside
 */
export const maskCells = (mask: Uint8Array, { width, height }: Size, grid: GridSize): Uint8Array => {
	const cells = grid.height * grid.width;
	const inside = new Float64Array(cells);
	const all = new Float64Array(cells);
	const [columns, rows] = [cellsOfPixels(width, grid.width), cellsOfPixels(height, grid.height)];
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const cell = rows[y]! * grid.width + columns[x]!;
			all[cell]! += 1;
			inside[cell]! += mask[y * width + x]!;
		}
	}
	const half = Uint8Array.from(inside, (count, cell) => (count * 2 >= Math.max(all[cell]!, 1) ? 1 : 0));
	return half.includes(1) ? half : Uint8Array.from(inside, (count) => (count > 0 ? 1 : 0));
};

/** A flow without the matches that lie outside a mask: of the target, or in the source. */
export const limitFlow = (flow: BackwardFlow, source: Size, masks: PairMasks): BackwardFlow => {
	const positions = flow.positions.slice();
	const confidence = flow.confidence.slice();
	for (let pixel = 0; pixel < confidence.length; pixel++) {
		const x = Math.round(positions[pixel * 2]!);
		const y = Math.round(positions[pixel * 2 + 1]!);
		const isInside = x >= 0 && x < source.width && y >= 0 && y < source.height;
		const isTaken = masks.source === undefined || (isInside && masks.source[y * source.width + x] !== 0);
		if (masks.target?.[pixel] === 0 || !isTaken) {
			positions.fill(Number.NaN, pixel * 2, pixel * 2 + 2);
			confidence[pixel] = 0;
		}
	}
	return { ...flow, positions, confidence };
};
