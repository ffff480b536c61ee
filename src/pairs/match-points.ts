import type { DescriptorMap } from '../core/descriptor-map.js';
import { UserError } from '../core/errors.js';
import type { Point } from '../core/point.js';
import { cellsFromPixels, pixelsFromCells } from '../core/size.js';
import {
	type CellDescriptors,
	cellDescriptors,
	descriptorAt,
	normalised,
	similarityTo,
} from '../matching/cell-descriptors.js';
import type { DescribedImage } from '../matching/described-image.js';
import { neighbourSimilarity } from '../matching/neighbour-similarity.js';
import {
	type BestCell,
	bestCellAround,
	descriptorPeak,
	type GridPosition,
	type SubCellSettings,
	subCellSettings,
} from '../matching/sub-cell.js';
import { maskCells, type PairMasks } from './pair-masks.js';

/** A point and where it is in the other image. */
export type PointMatch = {
	/** In pixels of the source image as displayed; top-left origin, pixel centres at integers. */
	readonly source: Point;
	readonly target: Point;
	/** Cosine similarity of the two descriptors, -1..1. */
	readonly score: number;
};

type SearchLimits = {
	/** Only what the target's mask marks, to a cell. */
	readonly masks?: Pick<PairMasks, 'target'>;
	/** Only the cells around a place in the target's grid, for a place in the source's. */
	readonly near?: (at: GridPosition) => CellWindow;
};

/** Cells up to a distance from one, in each direction. */
type CellWindow = { readonly centre: GridPosition; readonly radius: number };

/**
 * Finds points of one image in another, between cells: the best cell, then the mean of its surroundings weighted by
 * similarity. What the same estimate errs by in the source image, where the answer is known, is taken off.
 *
 * @param points in pixels of the source; see {@link PointMatch}
 * @param limits where in the target they may be found
 */
export const matchPoints = (
	source: DescribedImage,
	target: DescribedImage,
	points: readonly Point[],
	{ masks = {}, near }: SearchLimits = {},
): PointMatch[] => {
	const { cells: sourceCells, unit: sourceUnit } = prepared(source.map);
	const { unit: targetUnit, typicalDifference } = prepared(target.map);
	const allowed = masks.target && maskCells(masks.target, target, targetUnit.grid);
	const settings = subCellSettings(typicalDifference);
	return points.map((point) => {
		const at: GridPosition = {
			x: cellsFromPixels(point[0], source.width, sourceUnit.grid.width),
			y: cellsFromPixels(point[1], source.height, sourceUnit.grid.height),
		};
		const descriptor = descriptorAt(sourceCells, at.x, at.y);
		const best = bestCell(targetUnit, descriptor, allowed, near?.(at));
		const found = descriptorPeak(targetUnit, best, settings, descriptor);
		const bias = selfBias(sourceUnit, descriptor, at, settings);
		return {
			source: point,
			target: [
				clampTo(pixelsFromCells(found.x - bias.x, target.width, targetUnit.grid.width), target.width),
				clampTo(pixelsFromCells(found.y - bias.y, target.height, targetUnit.grid.height), target.height),
			],
			score: best.similarity,
		};
	});
};

type Prepared = {
	readonly cells: CellDescriptors;
	/** The same, each of length 1. */
	readonly unit: CellDescriptors;
	readonly typicalDifference: number;
};

const preparedMaps = new WeakMap<DescriptorMap, Prepared>();

/** What depends on one image only is kept as long as its map is: an image takes part in many pairs. */
const prepared = (map: DescriptorMap): Prepared => {
	const known = preparedMaps.get(map);
	if (known !== undefined) {
		return known;
	}
	const cells = cellDescriptors(map);
	const unit = normalised(cells);
	const made = { cells, unit, typicalDifference: neighbourSimilarity(unit).typicalDifference };
	preparedMaps.set(map, made);
	return made;
};

const clampTo = (position: number, pixels: number): number => Math.min(Math.max(position, 0), pixels - 1);

/** The most similar cell of the window, or of all where the mask leaves nothing in it. */
const bestCell = (
	cells: CellDescriptors,
	descriptor: Float32Array,
	allowed: Uint8Array | undefined,
	window: CellWindow | undefined,
): BestCell => {
	const { grid } = cells;
	const similarity = (row: number, column: number): number => {
		const cell = row * grid.width + column;
		return allowed?.[cell] === 0 ? Number.NEGATIVE_INFINITY : similarityTo(cells, cell, descriptor);
	};
	const near = window && {
		row: Math.round(window.centre.y),
		column: Math.round(window.centre.x),
	};
	const best =
		(near && bestCellAround(grid, near, window.radius, similarity)) ??
		bestCellAround(grid, { row: 0, column: 0 }, Math.max(grid.width, grid.height), similarity);
	if (best === undefined) {
		throw new UserError(
			'Nothing can be matched: the mask leaves no part of the image, or its features are no numbers.',
		);
	}
	return best;
};

/** How far the estimate misses a point whose place is known, because its surroundings are not symmetric. */
const selfBias = (
	cells: CellDescriptors,
	descriptor: Float32Array,
	at: GridPosition,
	settings: SubCellSettings,
): GridPosition => {
	const { grid } = cells;
	let best = { row: 0, column: 0, similarity: Number.NEGATIVE_INFINITY };
	// The four cells around the point: the best of them is the one that the descriptor was made of most.
	for (const row of neighbours(at.y, grid.height)) {
		for (const column of neighbours(at.x, grid.width)) {
			const similarity = similarityTo(cells, row * grid.width + column, descriptor);
			if (similarity > best.similarity) {
				best = { row, column, similarity };
			}
		}
	}
	const found = descriptorPeak(cells, best, settings, descriptor);
	return { x: found.x - at.x, y: found.y - at.y };
};

const neighbours = (position: number, cells: number): [number, number] => {
	const low = Math.min(Math.max(Math.floor(position), 0), cells - 1);
	return [low, Math.min(low + 1, cells - 1)];
};
