import type { Raster } from '../media/frame.js';
import type { SoftLabels } from '../propagation/soft-labels.js';
import { type LabImage, labImage } from './lab-image.js';
import type { RefinementSettings } from './settings.js';

export type RefinedLabels = {
	/** [image.height * image.width] object ids. */
	readonly ids: Uint8Array;
	/** The refined probabilities averaged back to the descriptor grid. */
	readonly labels: SoftLabels;
};

/** Neighbours are taken in 8 directions at these distances, in pixels of the working image. */
const DISTANCES = [1, 2, 4, 8];
const offsets: readonly (readonly [dy: number, dx: number])[] = DISTANCES.flatMap((d) =>
	[-d, 0, d]
		.flatMap((dy) => [-d, 0, d].map((dx) => [dy, dx] as const))
		.filter(([dy, dx]) => dy !== 0 || dx !== 0),
);

/** Refinement works on the image scaled to about this short side: finer costs time, and the grid is coarser still. */
const WORKING_SHORT_SIDE = 240;

/** A cell is settled when its best class has at least this probability, and so have its neighbours. */
const SETTLED = 0.98;

/**
 * Sets the borders of propagated objects on the edges of the image: mean-field inference of a conditional
 * random field whose unary term is the propagated probability and whose pairwise term lets pixels of similar
 * colour, 1 to 8 pixels apart in 8 directions, agree (Krähenbühl & Koltun 2011, with the local dilated
 * neighbourhood of PAMR, Araslanov & Roth 2020). Only pixels near a border are computed.
 */
export const refineLabels = (
	labels: SoftLabels,
	image: Raster<3>,
	settings: RefinementSettings,
): RefinedLabels => {
	const factor = Math.max(1, Math.round(Math.min(image.width, image.height) / WORKING_SHORT_SIDE));
	const lab = labImage(image, factor);
	const open = openCells(labels);
	const probabilities = upsample(labels, lab.width, lab.height);
	const band = bandPixels(open, labels, lab);
	meanField(probabilities, labels.ids.length, band, lab, settings);
	return {
		ids: idsAtFullSize(probabilities, labels, lab, open, image),
		labels: averageToGrid(probabilities, labels, lab),
	};
};

/** 1 for cells that are not settled, or lie beside one that is not or that has another class. */
const openCells = ({ grid, ids, data }: SoftLabels): Uint8Array => {
	const classes = ids.length;
	const cells = grid.height * grid.width;
	const winner = new Uint8Array(cells);
	const unsettled = new Uint8Array(cells);
	for (let cell = 0; cell < cells; cell++) {
		const best = argmax(data, cell * classes, classes);
		winner[cell] = best;
		unsettled[cell] = (data[cell * classes + best] as number) < SETTLED ? 1 : 0;
	}
	const open = new Uint8Array(cells);
	for (let y = 0; y < grid.height; y++) {
		for (let x = 0; x < grid.width; x++) {
			const cell = y * grid.width + x;
			for (let ny = Math.max(0, y - 1); ny <= Math.min(grid.height - 1, y + 1) && open[cell] === 0; ny++) {
				for (let nx = Math.max(0, x - 1); nx <= Math.min(grid.width - 1, x + 1); nx++) {
					const near = ny * grid.width + nx;
					if (unsettled[near] === 1 || winner[near] !== winner[cell]) {
						open[cell] = 1;
						break;
					}
				}
			}
		}
	}
	return open;
};

const argmax = (data: Float32Array, from: number, length: number): number => {
	let best = 0;
	for (let c = 1; c < length; c++) {
		if ((data[from + c] as number) > (data[from + best] as number)) {
			best = c;
		}
	}
	return best;
};

/** Where each sample of a finer axis lies between two samples of a coarser one (half-pixel centres). */
const axis = (from: number, to: number): { low: Int32Array; high: Int32Array; share: Float32Array } => {
	const low = new Int32Array(to);
	const high = new Int32Array(to);
	const share = new Float32Array(to);
	for (let i = 0; i < to; i++) {
		const position = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
		low[i] = Math.floor(position);
		high[i] = Math.min(from - 1, (low[i] as number) + 1);
		share[i] = position - (low[i] as number);
	}
	return { low, high, share };
};

/** Bilinear, to [height * width, classes]. */
const upsample = ({ grid, ids, data }: SoftLabels, width: number, height: number): Float32Array => {
	const classes = ids.length;
	const out = new Float32Array(width * height * classes);
	const columns = axis(grid.width, width);
	const rows = axis(grid.height, height);
	for (let y = 0; y < height; y++) {
		const top = (rows.low[y] as number) * grid.width;
		const bottom = (rows.high[y] as number) * grid.width;
		const fy = rows.share[y] as number;
		for (let x = 0; x < width; x++) {
			const left = columns.low[x] as number;
			const right = columns.high[x] as number;
			const fx = columns.share[x] as number;
			const w00 = (1 - fy) * (1 - fx);
			const w01 = (1 - fy) * fx;
			const w10 = fy * (1 - fx);
			const w11 = fy * fx;
			const at = (y * width + x) * classes;
			for (let c = 0; c < classes; c++) {
				out[at + c] =
					w00 * (data[(top + left) * classes + c] as number) +
					w01 * (data[(top + right) * classes + c] as number) +
					w10 * (data[(bottom + left) * classes + c] as number) +
					w11 * (data[(bottom + right) * classes + c] as number);
			}
		}
	}
	return out;
};

const cellOf = (pixel: number, pixels: number, cells: number): number =>
	Math.floor(((pixel + 0.5) * cells) / pixels);

const bandPixels = (open: Uint8Array, { grid }: SoftLabels, lab: LabImage): Int32Array => {
	const pixels: number[] = [];
	for (let y = 0; y < lab.height; y++) {
		const row = cellOf(y, lab.height, grid.height) * grid.width;
		for (let x = 0; x < lab.width; x++) {
			if (open[row + cellOf(x, lab.width, grid.width)] === 1) {
				pixels.push(y * lab.width + x);
			}
		}
	}
	return Int32Array.from(pixels);
};

/** Updates `probabilities` [pixels, classes] in place, at the band's pixels only. */
const meanField = (
	probabilities: Float32Array,
	classes: number,
	band: Int32Array,
	lab: LabImage,
	settings: RefinementSettings,
): void => {
	const { neighbours, weights } = affinities(band, lab, settings.colourSigma);
	const unary = new Float32Array(band.length * classes);
	for (let i = 0; i < band.length; i++) {
		for (let c = 0; c < classes; c++) {
			const p = probabilities[(band[i] as number) * classes + c] as number;
			// The propagated probability is never certain, so that an edge can still move it.
			unary[i * classes + c] = settings.evidence * Math.log(Math.min(0.98, Math.max(0.02, p)));
		}
	}
	const next = new Float32Array(band.length * classes);
	const support = new Float64Array(classes);
	for (let iteration = 0; iteration < settings.iterations; iteration++) {
		for (let i = 0; i < band.length; i++) {
			support.fill(0);
			for (let n = i * offsets.length; n < (i + 1) * offsets.length; n++) {
				const weight = weights[n] as number;
				const from = (neighbours[n] as number) * classes;
				for (let c = 0; c < classes; c++) {
					support[c] = (support[c] as number) + weight * (probabilities[from + c] as number);
				}
			}
			let total = 0;
			for (let c = 0; c < classes; c++) {
				const value = Math.exp(
					(unary[i * classes + c] as number) + settings.smoothness * (support[c] as number),
				);
				next[i * classes + c] = value;
				total += value;
			}
			for (let c = 0; c < classes; c++) {
				next[i * classes + c] = (next[i * classes + c] as number) / total;
			}
		}
		for (let i = 0; i < band.length; i++) {
			for (let c = 0; c < classes; c++) {
				probabilities[(band[i] as number) * classes + c] = next[i * classes + c] as number;
			}
		}
	}
};

/** For every band pixel its neighbours (pixel numbers) and their weights, which sum to 1. */
const affinities = (
	band: Int32Array,
	lab: LabImage,
	sigma: number,
): { neighbours: Int32Array; weights: Float32Array } => {
	const count = offsets.length;
	const neighbours = new Int32Array(band.length * count);
	const weights = new Float32Array(band.length * count);
	const scale = -1 / (2 * sigma * sigma);
	for (let i = 0; i < band.length; i++) {
		const pixel = band[i] as number;
		const y = Math.floor(pixel / lab.width);
		const x = pixel - y * lab.width;
		let total = 1e-4;
		for (let n = 0; n < count; n++) {
			const [dy, dx] = offsets[n] as readonly [number, number];
			const ny = Math.min(lab.height - 1, Math.max(0, y + dy));
			const nx = Math.min(lab.width - 1, Math.max(0, x + dx));
			const near = ny * lab.width + nx;
			const dl = (lab.l[near] as number) - (lab.l[pixel] as number);
			const da = (lab.a[near] as number) - (lab.a[pixel] as number);
			const db = (lab.b[near] as number) - (lab.b[pixel] as number);
			const weight = Math.exp((dl * dl + da * da + db * db) * scale);
			neighbours[i * count + n] = near;
			weights[i * count + n] = weight;
			total += weight;
		}
		for (let n = i * count; n < (i + 1) * count; n++) {
			weights[n] = (weights[n] as number) / total;
		}
	}
	return { neighbours, weights };
};

const idsAtFullSize = (
	probabilities: Float32Array,
	{ grid, ids, data }: SoftLabels,
	lab: LabImage,
	open: Uint8Array,
	image: { readonly width: number; readonly height: number },
): Uint8Array => {
	const classes = ids.length;
	const out = new Uint8Array(image.width * image.height);
	const columns = axis(lab.width, image.width);
	const rows = axis(lab.height, image.height);
	const cellX = Int32Array.from({ length: image.width }, (_, x) => cellOf(x, image.width, grid.width));
	const settled = Uint8Array.from({ length: grid.height * grid.width }, (_, cell) =>
		idAt(ids, argmax(data, cell * classes, classes)),
	);
	const blend = new Float32Array(classes);
	for (let y = 0; y < image.height; y++) {
		const gridRow = cellOf(y, image.height, grid.height) * grid.width;
		const top = (rows.low[y] as number) * lab.width;
		const bottom = (rows.high[y] as number) * lab.width;
		const fy = rows.share[y] as number;
		for (let x = 0; x < image.width; x++) {
			const cell = gridRow + (cellX[x] as number);
			if (open[cell] === 0) {
				out[y * image.width + x] = settled[cell] as number;
				continue;
			}
			const left = columns.low[x] as number;
			const right = columns.high[x] as number;
			const fx = columns.share[x] as number;
			for (let c = 0; c < classes; c++) {
				blend[c] =
					(1 - fy) *
						((1 - fx) * (probabilities[(top + left) * classes + c] as number) +
							fx * (probabilities[(top + right) * classes + c] as number)) +
					fy *
						((1 - fx) * (probabilities[(bottom + left) * classes + c] as number) +
							fx * (probabilities[(bottom + right) * classes + c] as number));
			}
			out[y * image.width + x] = idAt(ids, argmax(blend, 0, classes));
		}
	}
	return out;
};

const idAt = (ids: readonly number[], position: number): number => ids[position] ?? 0;

/** Mean over the pixels whose centre lies in a cell. */
const averageToGrid = (probabilities: Float32Array, { grid, ids }: SoftLabels, lab: LabImage): SoftLabels => {
	const classes = ids.length;
	const data = new Float32Array(grid.height * grid.width * classes);
	const counts = new Float32Array(grid.height * grid.width);
	for (let y = 0; y < lab.height; y++) {
		const row = cellOf(y, lab.height, grid.height) * grid.width;
		for (let x = 0; x < lab.width; x++) {
			const cell = row + cellOf(x, lab.width, grid.width);
			counts[cell] = (counts[cell] as number) + 1;
			for (let c = 0; c < classes; c++) {
				data[cell * classes + c] =
					(data[cell * classes + c] as number) + (probabilities[(y * lab.width + x) * classes + c] as number);
			}
		}
	}
	for (let cell = 0; cell < counts.length; cell++) {
		for (let c = 0; c < classes; c++) {
			data[cell * classes + c] = (data[cell * classes + c] as number) / Math.max(1, counts[cell] as number);
		}
	}
	return { grid, ids, data };
};
