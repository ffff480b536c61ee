import { axis } from '../../core/bilinear.js';
import { discard } from '../../core/discard.js';
import type { Raster } from '../../core/frame.js';
import { cellsOfPixels, type Size } from '../../core/size.js';
import { CERTAIN, type SoftLabels } from '../../core/soft-labels.js';
import { labImage } from './lab-image.js';
import { MAX_DISTANCE, meanField } from './mean-field.js';
import { type PixelRuns, pixelsOf, runsOf } from './pixel-runs.js';
import type { RefinementSettings } from './settings.js';

export type RefinedLabels = {
	/** [image.height * image.width] object ids. */
	readonly ids: Uint8Array;
	/** The refined probabilities averaged back to the descriptor grid; cells outside the narrow band keep theirs. */
	readonly labels: SoftLabels;
};

/** Refinement works on the image scaled to about this short side: finer costs time, and the grid is coarser still. */
const WORKING_SHORT_SIDE = 240;

/**
 * Sets the borders of propagated objects on the edges of the image: mean-field inference of a conditional
 * random field whose unary term is the propagated probability and whose pairwise term lets pixels of similar
 * colour, 1 to 8 pixels apart in 8 directions, agree (Krähenbühl & Koltun 2011, with the local dilated
 * neighbourhood of PAMR, Araslanov & Roth 2020). Only a narrow band of cells around the borders is computed.
 */
export const refineLabels = (
	labels: SoftLabels,
	image: Raster<3>,
	settings: RefinementSettings,
): RefinedLabels => {
	const factor = Math.max(1, Math.round(Math.min(image.width, image.height) / WORKING_SHORT_SIDE));
	const size = { width: Math.floor(image.width / factor), height: Math.floor(image.height / factor) };
	const band = narrowBand(labels);
	// A border's pixels look at their neighbours, and the full size is interpolated between pixels.
	const reach = MAX_DISTANCE + 1;
	const [down, across] = [
		reach / (size.height / labels.grid.height),
		reach / (size.width / labels.grid.width),
	];
	const seen = runsOf(grown(band, labels.grid, down, across), labels.grid, size);
	const bandRuns = runsOf(band, labels.grid, size);
	const objects = upsample(labels, size, seen);
	const lab = labImage(image, factor, seen);
	const pixels = pixelsOf(bandRuns);
	meanField(objects, pixels, lab, settings);
	const refined = {
		ids: idsAtFullSize(objects, labels, size, band, image),
		labels: averageToGrid(objects, labels, size, band, bandRuns),
	};
	discard([...objects, pixels]);
	return refined;
};

/** 1 for cells whose best class is not certain, or that lie beside one that is not or that has another class. */
const narrowBand = ({ grid, ids, data }: SoftLabels): Uint8Array => {
	const classes = ids.length;
	const cells = grid.height * grid.width;
	const winner = new Uint8Array(cells);
	const uncertain = new Uint8Array(cells);
	for (let cell = 0; cell < cells; cell++) {
		const best = argmax(data, cell * classes, classes);
		winner[cell] = best;
		uncertain[cell] = data[cell * classes + best]! < CERTAIN ? 1 : 0;
	}
	const band = new Uint8Array(cells);
	for (let y = 0; y < grid.height; y++) {
		for (let x = 0; x < grid.width; x++) {
			const cell = y * grid.width + x;
			for (let ny = Math.max(0, y - 1); ny <= Math.min(grid.height - 1, y + 1) && band[cell] === 0; ny++) {
				for (let nx = Math.max(0, x - 1); nx <= Math.min(grid.width - 1, x + 1); nx++) {
					const near = ny * grid.width + nx;
					if (uncertain[near] === 1 || winner[near] !== winner[cell]) {
						band[cell] = 1;
						break;
					}
				}
			}
		}
	}
	return band;
};

/** Cells within so many cells of a marked one. */
const grown = (marked: Uint8Array, grid: Size, byRows: number, byColumns: number): Uint8Array => {
	const out = new Uint8Array(marked.length);
	const rows = Math.ceil(byRows);
	const columns = Math.ceil(byColumns);
	for (let y = 0; y < grid.height; y++) {
		for (let x = 0; x < grid.width; x++) {
			if (marked[y * grid.width + x] === 0) {
				continue;
			}
			const left = Math.max(0, x - columns);
			const right = Math.min(grid.width, x + columns + 1);
			for (let ny = Math.max(0, y - rows); ny <= Math.min(grid.height - 1, y + rows); ny++) {
				out.fill(1, ny * grid.width + left, ny * grid.width + right);
			}
		}
	}
	return out;
};

const argmax = (data: Float32Array, from: number, length: number): number => {
	let best = 0;
	for (let c = 1; c < length; c++) {
		if (data[from + c]! > data[from + best]!) {
			best = c;
		}
	}
	return best;
};

/** The objects' probabilities between cells, bilinear: [objects][height * width], where `wanted`. */
const upsample = (
	{ grid, ids, data }: SoftLabels,
	{ width, height }: Size,
	wanted: PixelRuns,
): Float32Array[] => {
	const classes = ids.length;
	const columns = axis(grid.width, width);
	const rows = axis(grid.height, height);
	return ids.slice(1).map((_, object) => {
		const values = data.subarray(object + 1);
		const out = new Float32Array(width * height);
		for (let run = 0; run < wanted.length; run += 2) {
			const y = Math.floor(wanted[run]! / width);
			const top = rows.low[y]! * grid.width;
			const bottom = rows.high[y]! * grid.width;
			const fy = rows.share[y]!;
			for (let pixel = wanted[run]!; pixel < wanted[run + 1]!; pixel++) {
				const x = pixel - y * width;
				const left = columns.low[x]!;
				const right = columns.high[x]!;
				const fx = columns.share[x]!;
				out[pixel] =
					(1 - fy) * (1 - fx) * values[(top + left) * classes]! +
					(1 - fy) * fx * values[(top + right) * classes]! +
					fy * (1 - fx) * values[(bottom + left) * classes]! +
					fy * fx * values[(bottom + right) * classes]!;
			}
		}
		return out;
	});
};

const idsAtFullSize = (
	objects: readonly Float32Array[],
	labels: SoftLabels,
	size: Size,
	band: Uint8Array,
	image: Size,
): Uint8Array => {
	const { grid, ids } = labels;
	const out = new Uint8Array(image.width * image.height);
	paintWinners(out, labels, image);
	const columns = axis(size.width, image.width);
	const rows = axis(size.height, image.height);
	const runs = runsOf(band, grid, image);
	for (let run = 0; run < runs.length; run += 2) {
		const y = Math.floor(runs[run]! / image.width);
		const top = rows.low[y]! * size.width;
		const bottom = rows.high[y]! * size.width;
		const fy = rows.share[y]!;
		for (let pixel = runs[run]!; pixel < runs[run + 1]!; pixel++) {
			const x = pixel - y * image.width;
			const left = columns.low[x]!;
			const right = columns.high[x]!;
			const fx = columns.share[x]!;
			let background = 1;
			let best = 0;
			let winner = 0;
			for (let c = 0; c < objects.length; c++) {
				const values = objects[c]!;
				const upper = (1 - fx) * values[top + left]! + fx * values[top + right]!;
				const lower = (1 - fx) * values[bottom + left]! + fx * values[bottom + right]!;
				const value = (1 - fy) * upper + fy * lower;
				background -= value;
				if (value > best) {
					best = value;
					winner = c + 1;
				}
			}
			out[pixel] = ids[best > background ? winner : 0]!;
		}
	}
	return out;
};

/** Writes the ids of all cells; those of the band are still to be replaced. */
const paintWinners = (out: Uint8Array, { grid, ids, data }: SoftLabels, { width, height }: Size): void => {
	const winners = Uint8Array.from(
		{ length: grid.height * grid.width },
		(_, cell) => ids[argmax(data, cell * ids.length, ids.length)]!,
	);
	const cellX = cellsOfPixels(width, grid.width);
	const cellY = cellsOfPixels(height, grid.height);
	for (let y = 0; y < height; y++) {
		const row = cellY[y]!;
		const start = y * width;
		if (y > 0 && row === cellY[y - 1]) {
			out.copyWithin(start, start - width, start);
			continue;
		}
		for (let x = 0; x < width; x++) {
			out[start + x] = winners[row * grid.width + cellX[x]!]!;
		}
	}
};

/** Means over the pixels whose centres lie in the narrow band. */
const averageToGrid = (
	objects: readonly Float32Array[],
	{ grid, ids, data: given }: SoftLabels,
	{ width, height }: Size,
	inBand: Uint8Array,
	runs: PixelRuns,
): SoftLabels => {
	const classes = ids.length;
	const data = Float32Array.from(given);
	const counts = new Float32Array(inBand.length);
	const cellX = cellsOfPixels(width, grid.width);
	const cellY = cellsOfPixels(height, grid.height);
	for (let cell = 0; cell < inBand.length; cell++) {
		if (inBand[cell] === 1) {
			data.fill(0, cell * classes, (cell + 1) * classes);
		}
	}
	for (let run = 0; run < runs.length; run += 2) {
		const y = Math.floor(runs[run]! / width);
		const row = cellY[y]! * grid.width;
		for (let pixel = runs[run]!; pixel < runs[run + 1]!; pixel++) {
			const cell = row + cellX[pixel - y * width]!;
			counts[cell]! += 1;
			const to = cell * classes + 1;
			for (let c = 0; c < objects.length; c++) {
				data[to + c]! += objects[c]![pixel]!;
			}
		}
	}
	for (let cell = 0; cell < inBand.length; cell++) {
		if (inBand[cell] === 0) {
			continue;
		}
		const pixels = counts[cell]!;
		const from = cell * classes;
		if (pixels === 0) {
			// A grid finer than the working image: no pixel's centre lies in this cell.
			data.set(given.subarray(from, from + classes), from);
			continue;
		}
		let background = 1;
		for (let c = 1; c < classes; c++) {
			const value = data[from + c]! / pixels;
			data[from + c] = value;
			background -= value;
		}
		data[from] = Math.max(0, background);
	}
	return { grid, ids, data };
};
