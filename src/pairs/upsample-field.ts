import { type BackwardFlow, emptyFlow } from '../core/backward-flow.js';
import { cornersAt } from '../core/bilinear.js';
import { cellsFromPixels, type GridSize, pixelsFromCells, type Size } from '../core/size.js';
import type { PairMasks } from './pair-masks.js';
import type { VectorField } from './smooth-field.js';

/** Offsets that differ by more than this (in cells) belong to different surfaces: a mean of them lies on neither. */
const SAME_SURFACE = 3;

/**
 * Enlarges a field of offsets to a position in the source for every pixel of the target: bilinear within a surface,
 * broken between surfaces.
 *
 * @param field offsets from the scaled position, in source cells
 */
export const upsampleField = (
	field: VectorField,
	source: Size,
	target: Size,
	sourceGrid: GridSize,
	masks: PairMasks,
): BackwardFlow => {
	const flow = emptyFlow(target);
	const inside = masks.source && nearestInside(masks.source, source);
	for (let y = 0; y < target.height; y++) {
		for (let x = 0; x < target.width; x++) {
			const pixel = y * target.width + x;
			if (masks.target?.[pixel] === 0) {
				continue;
			}
			const offset = offsetAt(
				field,
				cellsFromPixels(x, target.width, field.grid.width),
				cellsFromPixels(y, target.height, field.grid.height),
			);
			const sourceX = pixelsFromCells(
				cellsFromPixels(x, target.width, sourceGrid.width) + offset.x,
				source.width,
				sourceGrid.width,
			);
			const sourceY = pixelsFromCells(
				cellsFromPixels(y, target.height, sourceGrid.height) + offset.y,
				source.height,
				sourceGrid.height,
			);
			setPosition(flow, pixel, sourceX, sourceY, source, inside);
			flow.confidence[pixel] = offset.trust;
		}
	}
	return flow;
};

const setPosition = (
	flow: BackwardFlow,
	pixel: number,
	x: number,
	y: number,
	{ width, height }: Size,
	inside: Int32Array | undefined,
): void => {
	const clampedX = Math.min(Math.max(x, 0), width - 1);
	const clampedY = Math.min(Math.max(y, 0), height - 1);
	const at = Math.round(clampedY) * width + Math.round(clampedX);
	const nearest = inside?.[at] ?? at;
	const isInside = nearest === at;
	flow.positions[pixel * 2] = isInside ? clampedX : nearest % width;
	flow.positions[pixel * 2 + 1] = isInside ? clampedY : Math.floor(nearest / width);
};

/** The field between cells; a mean over the cells around of the same surface. */
export const offsetAt = (
	{ grid, x, y, trust }: VectorField,
	column: number,
	row: number,
): { readonly x: number; readonly y: number; readonly trust: number } => {
	const corners = cornersAt(column, row, grid);
	const [nearest] = corners.reduce((most, corner) => (corner[1] > most[1] ? corner : most));
	const sum = { x: 0, y: 0, trust: 0, weight: 0 };
	for (const [cell, weight] of corners) {
		const apart = Math.hypot(x[cell]! - x[nearest]!, y[cell]! - y[nearest]!);
		if (weight > 0 && apart <= SAME_SURFACE) {
			sum.x += weight * x[cell]!;
			sum.y += weight * y[cell]!;
			sum.trust += weight * trust[cell]!;
			sum.weight += weight;
		}
	}
	return { x: sum.x / sum.weight, y: sum.y / sum.weight, trust: sum.trust / sum.weight };
};

/**
 * For each pixel the nearest pixel inside a mask, by propagating nearest pixels over the image to and fro
 * (Danielsson's distance mapping, with all eight neighbours: off by a fraction of a pixel at worst).
 *
 * @param mask [H * W] 1 inside; at least one pixel
 * @returns [H * W] pixel numbers
 */
const nearestInside = (mask: Uint8Array, { width, height }: Size): Int32Array => {
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
