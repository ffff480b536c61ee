import { type BackwardFlow, emptyFlow } from '../core/backward-flow.js';
import { cornerWeights } from '../core/bilinear.js';
import { type CellDescriptors, cellDescriptors } from '../matching/cell-descriptors.js';
import { CellProducts } from '../matching/cell-products.js';
import type { DescribedImage } from '../matching/described-image.js';
import type { Runtime } from '../runtime/session.js';
import {
	type BestPixel,
	InterpolatedDescriptors,
	pixelAxis,
	quadBound,
	searchQuad,
} from './interpolated-descriptors.js';
import type { PairMasks } from './pair-masks.js';

/** Products held at once, in elements (64 MB). */
const MAX_PRODUCTS = 16_000_000;

/** What one target cell knows of the source: products with its cells, and two summaries of each quad. */
type CellView = {
	/** [cells] */
	readonly products: Float32Array;
	/** [quads] greatest product of the quad's corners. */
	readonly greatest: Float32Array;
	/** [quads] similarity (up to the query's length) of one pixel of the quad. */
	readonly sample: Float32Array;
};

/**
 * The dense backward warp of the paper (section 6.7): descriptors of both images upsampled bilinearly to their full
 * resolution, and for every target pixel the nearest source pixel, inside the masks where given. The result is that
 * of comparing all pixels with all pixels; quads of four cells that cannot hold the best pixel are ruled out by
 * bounds, so neither the time nor the memory is that of the full matrix.
 */
export const matchEveryPixelAsPublished = async (
	source: DescribedImage,
	target: DescribedImage,
	runtime: Runtime,
	masks: PairMasks = {},
): Promise<BackwardFlow> => {
	const field = new InterpolatedDescriptors(cellDescriptors(source.map), source, masks.source);
	const samples = samplePixels(field);
	const targetCells = cellDescriptors(target.map);
	const { grid } = targetCells;
	const rows = pixelAxis(grid.height, target.height);
	const columns = pixelAxis(grid.width, target.width);
	const flow = emptyFlow(target);
	let above: CellView[] = [];
	for await (const { row, views } of viewRows(targetCells, field, samples, runtime)) {
		// Quads of the row above read this row as their lower corners; the last row is its own.
		const finished =
			row === grid.height - 1 ? [...(row > 0 ? [row - 1] : []), row] : row > 0 ? [row - 1] : [];
		for (const quadRow of finished) {
			const [upper, lower] = quadRow === row ? [views, views] : [above, views];
			for (let column = 0; column < grid.width; column++) {
				const right = Math.min(column + 1, grid.width - 1);
				const corners = [upper[column]!, upper[right]!, lower[column]!, lower[right]!];
				const promising = promisingQuads(field, corners);
				let previous = promising[0] ?? 0;
				for (let y = rows.starts[quadRow]!; y < rows.starts[quadRow + 1]!; y++) {
					for (let x = columns.starts[column]!; x < columns.starts[column + 1]!; x++) {
						const pixel = y * target.width + x;
						if (masks.target?.[pixel] === 0) {
							continue;
						}
						const weights = cornerWeights(columns.share[x]!, rows.share[y]!);
						const best = bestOf(field, corners, weights, promising, previous);
						previous = best.quad;
						flow.positions[pixel * 2] = best.pixel % field.size.width;
						flow.positions[pixel * 2 + 1] = Math.floor(best.pixel / field.size.width);
						flow.confidence[pixel] = 1;
					}
				}
			}
		}
		above = views;
	}
	return flow;
};

/** One allowed pixel of each quad that has one (-1 for the others): what it reaches is a lower bound for the best. */
const samplePixels = (field: InterpolatedDescriptors): Int32Array => {
	const { rows, columns, size, cells, inverseLengths } = field;
	const samples = new Int32Array(cells.grid.height * cells.grid.width).fill(-1);
	for (let y = 0; y < size.height; y++) {
		for (let x = 0; x < size.width; x++) {
			const quad = rows.low[y]! * cells.grid.width + columns.low[x]!;
			const pixel = y * size.width + x;
			if (samples[quad] === -1 && inverseLengths[pixel] !== 0) {
				samples[quad] = pixel;
			}
		}
	}
	return samples;
};

/** The views of all target cells, one row of the grid after the other; products are made several rows at a time. */
async function* viewRows(
	targetCells: CellDescriptors,
	field: InterpolatedDescriptors,
	samples: Int32Array,
	runtime: Runtime,
): AsyncGenerator<{ readonly row: number; readonly views: CellView[] }> {
	const { grid, channels, rows } = targetCells;
	const keys = samples.length;
	const rowsAtOnce = Math.max(1, Math.floor(MAX_PRODUCTS / (keys * grid.width)));
	const products = await CellProducts.open(runtime);
	try {
		for (let first = 0; first < grid.height; first += rowsAtOnce) {
			const end = Math.min(first + rowsAtOnce, grid.height);
			const block = await products.multiply(
				rows.slice(first * grid.width * channels, end * grid.width * channels),
				field.cells.rows,
				channels,
			);
			for (let row = first; row < end; row++) {
				const start = (row - first) * grid.width;
				const views = Array.from({ length: grid.width }, (_, column) =>
					cellView(field, samples, block.subarray((start + column) * keys, (start + column + 1) * keys)),
				);
				yield { row, views };
			}
		}
	} finally {
		await products.close();
	}
}

const cellView = (field: InterpolatedDescriptors, samples: Int32Array, products: Float32Array): CellView => {
	const greatest = new Float32Array(products.length);
	const sample = new Float32Array(products.length);
	for (let quad = 0; quad < products.length; quad++) {
		const [a, b, c, d] = field.corners(quad);
		const [pa, pb, pc, pd] = [products[a]!, products[b]!, products[c]!, products[d]!];
		greatest[quad] = Math.max(pa, pb, pc, pd);
		const pixel = samples[quad]!;
		if (pixel === -1) {
			sample[quad] = Number.NEGATIVE_INFINITY;
			continue;
		}
		const [wa, wb, wc, wd] = cornerWeights(
			field.columns.share[pixel % field.size.width]!,
			field.rows.share[Math.floor(pixel / field.size.width)]!,
		);
		sample[quad] = (wa * pa + wb * pb + wc * pc + wd * pd) * field.inverseLengths[pixel]!;
	}
	return { products, greatest, sample };
};

/** Room for rounding: bounds and samples are float32, the search is float64. */
const ROUNDING = 1e-5;

/**
 * Source quads that may hold the best pixel for a query anywhere between four target cells. A query's products are
 * means of its corners', so it reaches at least the least of a sample's four values and at most a quad's greatest.
 */
const promisingQuads = (field: InterpolatedDescriptors, views: readonly CellView[]): Int32Array => {
	const [a, b, c, d] = views as [CellView, CellView, CellView, CellView];
	let reached = Number.NEGATIVE_INFINITY;
	for (let quad = 0; quad < a.sample.length; quad++) {
		const least = Math.min(a.sample[quad]!, b.sample[quad]!, c.sample[quad]!, d.sample[quad]!);
		reached = Math.max(reached, least);
	}
	const threshold = reached - ROUNDING * Math.abs(reached);
	const promising: number[] = [];
	for (let quad = 0; quad < a.greatest.length; quad++) {
		const greatest = Math.max(a.greatest[quad]!, b.greatest[quad]!, c.greatest[quad]!, d.greatest[quad]!);
		if (field.largestInverse[quad] !== 0 && quadBound(field, quad, greatest) >= threshold) {
			promising.push(quad);
		}
	}
	return Int32Array.from(promising);
};

/** @param previous quad to begin with: neighbouring pixels mostly match in the same one, which rules out the rest */
const bestOf = (
	field: InterpolatedDescriptors,
	views: readonly CellView[],
	weights: readonly [number, number, number, number],
	promising: Int32Array,
	previous: number,
): BestPixel & { readonly quad: number } => {
	const [v0, v1, v2, v3] = views.map((view) => view.products) as [
		Float32Array,
		Float32Array,
		Float32Array,
		Float32Array,
	];
	const [w0, w1, w2, w3] = weights;
	const product = (cell: number): number => w0 * v0[cell]! + w1 * v1[cell]! + w2 * v2[cell]! + w3 * v3[cell]!;
	const best: BestPixel = { pixel: 0, similarity: Number.NEGATIVE_INFINITY };
	let bestQuad = previous;
	const search = (quad: number): void => {
		const [a, b, c, d] = field.corners(quad);
		const products = [product(a), product(b), product(c), product(d)] as const;
		if (quadBound(field, quad, Math.max(...products)) < best.similarity) {
			return;
		}
		const before = best.pixel;
		searchQuad(field, quad, products, best);
		if (best.pixel !== before) {
			bestQuad = quad;
		}
	};
	search(previous);
	for (const quad of promising) {
		if (quad !== previous) {
			search(quad);
		}
	}
	return { ...best, quad: bestQuad };
};
