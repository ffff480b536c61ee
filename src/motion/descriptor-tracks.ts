import type { DescriptorMap } from '../core/descriptor-map.js';
import { cellsFromPixels, pixelsFromCells, type Size } from '../core/size.js';
import {
	type CellDescriptors,
	cellDescriptors,
	descriptorAt,
	normalised,
	similarityTo,
} from '../matching/cell-descriptors.js';
import { neighbourSimilarity } from '../matching/neighbour-similarity.js';
import { bestCellAround, descriptorPeak, peakPosition, subCellSettings } from '../matching/sub-cell.js';
import type { Mesh } from './mesh.js';

/** One frame's descriptors of length 1. */
export const unitDescriptors = (map: DescriptorMap): CellDescriptors => normalised(cellDescriptors(map));

/** Where descriptors find the points of a mesh. */
export type Found = {
	/** In pixels. */
	readonly x: Float64Array;
	readonly y: Float64Array;
	/** [points] 0..1 */
	readonly weight: Float64Array;
};

/** Similarity to the first frame may fall by so many typical differences of neighbours before a point counts as hidden. */
const TOLERANCE = 3;
/** How fast the similarity that is usual for a point follows. */
const ADAPTATION = 0.15;
/** Radius of the search around where a point is expected, in cells. */
const SEARCH_RADIUS = 6;
/** What is lost is looked for by so many of its points, about. */
const SOUGHT_POINTS = 150;

/**
 * Finds a mesh's points in later frames by their descriptors: against the first frame, which does not drift, and
 * against the frame before, which looks more alike. Peaks are placed between cells.
 */
export class DescriptorTracks {
	readonly #mesh: Mesh;
	readonly #size: Size;
	readonly #first: readonly Float32Array[];
	/** How far the estimate of each point misses the point itself in the first frame, in cells. */
	readonly #bias: readonly { readonly x: number; readonly y: number }[];
	readonly #typicalDifference: number;
	/** [points] similarity to the first frame that is usual where the point is in sight. */
	readonly #usual: Float64Array;

	constructor(mesh: Mesh, size: Size, first: CellDescriptors) {
		this.#mesh = mesh;
		this.#size = size;
		this.#typicalDifference = neighbourSimilarity(first).typicalDifference;
		this.#usual = new Float64Array(mesh.x.length).fill(Number.NaN);
		const places = [...mesh.x.keys()].map((i) => this.#cellOf(first, mesh.x[i]!, mesh.y[i]!));
		this.#first = places.map(({ x, y }) => descriptorAt(first, x, y));
		this.#bias = places.map(({ x, y }, i) => {
			const own = this.#first[i]!;
			const best = {
				row: clamp(Math.round(y), first.grid.height),
				column: clamp(Math.round(x), first.grid.width),
			};
			const peak = descriptorPeak(first, best, subCellSettings(this.#typicalDifference), own);
			return { x: peak.x - x, y: peak.y - y };
		});
	}

	/** Size of a cell in pixels. */
	cellSize(descriptors: CellDescriptors): number {
		return this.#size.width / descriptors.grid.width;
	}

	/**
	 * How surely each point is in sight where it has been put: hidden points look like whatever is in front.
	 *
	 * @param place in pixels
	 * @returns [points] 0..1
	 */
	recognise(
		frame: CellDescriptors,
		place: { readonly x: Float64Array; readonly y: Float64Array },
	): Float64Array {
		return this.#usual.map((_, i) => {
			const { x, y } = this.#cellOf(frame, place.x[i]!, place.y[i]!);
			const similarity = similarityTo({ ...frame, rows: descriptorAt(frame, x, y) }, 0, this.#first[i]!);
			const seen = this.#recognised(i, similarity);
			const usual = this.#usual[i]!;
			this.#usual[i] = Number.isNaN(usual) ? similarity : usual + ADAPTATION * seen * (similarity - usual);
			return seen;
		});
	}

	/** 1 where a point is as similar to the first frame as usual, 0 where it has fallen by the tolerance. */
	#recognised(point: number, similarity: number): number {
		const usual = this.#usual[point]!;
		const fall = Number.isNaN(usual) ? 0 : (usual - similarity) / (TOLERANCE * this.#typicalDifference);
		return Math.min(1, Math.max(0, 1.5 - 1.5 * fall));
	}

	/**
	 * @param previous the frame before, where the points were in it, and how surely they were in sight there
	 * @param expected in pixels
	 */
	find(
		frame: CellDescriptors,
		previous: {
			readonly descriptors: CellDescriptors;
			readonly x: Float64Array;
			readonly y: Float64Array;
			readonly seen: Float64Array;
		},
		expected: { readonly x: Float64Array; readonly y: Float64Array },
	): Found {
		const { grid } = frame;
		const points = this.#mesh.x.length;
		const found = {
			x: Float64Array.from(expected.x),
			y: Float64Array.from(expected.y),
			weight: new Float64Array(points),
		};
		const settings = subCellSettings(this.#typicalDifference);
		for (let i = 0; i < points; i++) {
			if (this.#mesh.evidence[i]! === 0) {
				continue;
			}
			const guess = this.#cellOf(frame, expected.x[i]!, expected.y[i]!);
			const last = this.#cellOf(frame, previous.x[i]!, previous.y[i]!);
			const [column, row] = [Math.round(guess.x), Math.round(guess.y)];
			if (column < 0 || row < 0 || column >= grid.width || row >= grid.height) {
				continue;
			}
			const anchored = this.#first[i]!;
			const recent = descriptorAt(previous.descriptors, last.x, last.y);
			const share = 0.5 * previous.seen[i]!;
			const similarity = (cellY: number, cellX: number): number => {
				const cell = cellY * grid.width + cellX;
				return (1 - share) * similarityTo(frame, cell, anchored) + share * similarityTo(frame, cell, recent);
			};
			const best = bestCellAround(grid, { row, column }, SEARCH_RADIUS, similarity);
			if (best === undefined) {
				continue;
			}
			const peak = peakPosition(grid, best, settings, similarity);
			this.#place(found, i, peak, grid);
			const recognised = this.#recognised(
				i,
				similarityTo(frame, best.row * grid.width + best.column, anchored),
			);
			found.weight[i] = this.#weightOf(i, best, recognised);
		}
		return found;
	}

	/**
	 * Finds points anywhere in a frame, by the first frame's descriptors alone: for what has been lost. No more points
	 * than suffice for the motion of the whole are looked for; the others have no weight.
	 */
	findAnywhere(frame: CellDescriptors): Found {
		const { grid } = frame;
		const { x, y, evidence } = this.#mesh;
		const found = { x: x.slice(), y: y.slice(), weight: new Float64Array(x.length) };
		const usable = [...evidence.keys()].filter((i) => evidence[i]! > 0);
		const step = Math.max(1, usable.length / SOUGHT_POINTS);
		const settings = subCellSettings(this.#typicalDifference);
		for (let at = 0; at < usable.length; at += step) {
			const i = usable[Math.floor(at)]!;
			const anchored = this.#first[i]!;
			const similarity = (row: number, column: number): number =>
				similarityTo(frame, row * grid.width + column, anchored);
			const best = bestCellAround(grid, { row: 0, column: 0 }, grid.width + grid.height, similarity);
			if (best !== undefined) {
				this.#place(found, i, peakPosition(grid, best, settings, similarity), grid);
				found.weight[i] = this.#weightOf(i, best, this.#recognised(i, best.similarity));
			}
		}
		return found;
	}

	/** Writes where a peak in the grid puts a point, in pixels. */
	#place(found: Found, point: number, peak: { readonly x: number; readonly y: number }, grid: Size): void {
		const bias = this.#bias[point] ?? { x: 0, y: 0 };
		found.x[point] = pixelsFromCells(peak.x - bias.x, this.#size.width, grid.width);
		found.y[point] = pixelsFromCells(peak.y - bias.y, this.#size.height, grid.height);
	}

	#weightOf(
		point: number,
		best: { readonly similarity: number; readonly mean: number },
		recognised: number,
	): number {
		const contrast = Math.min(1, (best.similarity - best.mean) / (4 * this.#typicalDifference));
		return this.#mesh.evidence[point]! * Math.max(0, best.similarity) * contrast * recognised;
	}

	#cellOf({ grid }: CellDescriptors, x: number, y: number): { x: number; y: number } {
		return {
			x: cellsFromPixels(x, this.#size.width, grid.width),
			y: cellsFromPixels(y, this.#size.height, grid.height),
		};
	}
}

const clamp = (value: number, cells: number): number => Math.min(Math.max(value, 0), cells - 1);
