import { type Axis, axis, cornerWeights } from '../core/bilinear.js';
import type { Size } from '../core/size.js';
import { type CellDescriptors, similarityTo } from '../matching/cell-descriptors.js';

/** An axis of pixels over one of cells, with the pixels that read at each cell and its next. */
type PixelAxis = Axis & {
	/** [cells + 1] the pixels of low cell i are `starts[i]` to `starts[i + 1]`. */
	readonly starts: Int32Array;
};

export const pixelAxis = (cells: number, pixels: number): PixelAxis => {
	const positions = axis(cells, pixels);
	const starts = new Int32Array(cells + 1).fill(pixels);
	for (let pixel = pixels - 1; pixel >= 0; pixel--) {
		starts[positions.low[pixel]!] = pixel;
	}
	// Cells without pixels (an image smaller than the grid) begin where the next cell does.
	for (let cell = cells - 1; cell >= 0; cell--) {
		starts[cell] = Math.min(starts[cell]!, starts[cell + 1]!);
	}
	return { ...positions, starts };
};

/**
 * A descriptor map upsampled bilinearly to pixels, without the upsampled descriptors themselves: a dot product with
 * an interpolated descriptor is the interpolated dot product, and its length follows from the products between
 * neighbouring cells. So the exact cosine similarity at any pixel costs a few multiplications, not C of them.
 *
 * The pixels that read the same four cells form a *quad*, named by its top left cell.
 */
export class InterpolatedDescriptors {
	readonly size: Size;
	readonly cells: CellDescriptors;
	readonly rows: PixelAxis;
	readonly columns: PixelAxis;
	/** [H * W pixels] 1 / length of the interpolated descriptor; 0 where the pixel is excluded. */
	readonly inverseLengths: Float64Array;
	/** [cells] the largest and smallest of a quad's inverse lengths; 0 for a quad without pixels. */
	readonly largestInverse: Float64Array;
	readonly smallestInverse: Float64Array;

	/** @param allowed [H * W pixels] 1 for each pixel that may be matched; all when omitted */
	constructor(cells: CellDescriptors, size: Size, allowed?: Uint8Array) {
		this.cells = cells;
		this.size = size;
		const { height, width } = cells.grid;
		this.rows = pixelAxis(height, size.height);
		this.columns = pixelAxis(width, size.width);
		this.inverseLengths = new Float64Array(size.height * size.width);
		this.largestInverse = new Float64Array(height * width);
		this.smallestInverse = new Float64Array(height * width);
		for (let quad = 0; quad < height * width; quad++) {
			this.#measureQuad(quad, allowed);
		}
	}

	/** Cell numbers of a quad's corners: itself, right, below, diagonal; the border repeats itself. */
	corners(quad: number): readonly [number, number, number, number] {
		const { height, width } = this.cells.grid;
		const right = quad % width === width - 1 ? 0 : 1;
		const below = quad + width < height * width ? width : 0;
		return [quad, quad + right, quad + below, quad + right + below];
	}

	#measureQuad(quad: number, allowed: Uint8Array | undefined): void {
		const { cells, size, rows, columns, inverseLengths } = this;
		const corners = this.corners(quad);
		const gram = corners.map((a) =>
			corners.map((b) => similarityTo(cells, a, cells.rows, b * cells.channels)),
		);
		const [row, column] = [Math.floor(quad / cells.grid.width), quad % cells.grid.width];
		let [largest, smallest] = [0, Number.POSITIVE_INFINITY];
		for (let y = rows.starts[row]!; y < rows.starts[row + 1]!; y++) {
			for (let x = columns.starts[column]!; x < columns.starts[column + 1]!; x++) {
				const pixel = y * size.width + x;
				if (allowed?.[pixel] === 0) {
					continue;
				}
				const weights = cornerWeights(columns.share[x]!, rows.share[y]!);
				let squared = 0;
				for (let a = 0; a < 4; a++) {
					for (let b = 0; b < 4; b++) {
						squared += weights[a]! * weights[b]! * gram[a]![b]!;
					}
				}
				const inverse = 1 / Math.max(Math.sqrt(Math.max(squared, 0)), 1e-12);
				inverseLengths[pixel] = inverse;
				largest = Math.max(largest, inverse);
				smallest = Math.min(smallest, inverse);
			}
		}
		this.largestInverse[quad] = largest;
		this.smallestInverse[quad] = largest === 0 ? 0 : smallest;
	}
}

/** A quad's greatest possible similarity, given its greatest corner product: products are bilinear, so highest at a corner. */
export const quadBound = (field: InterpolatedDescriptors, quad: number, greatestProduct: number): number =>
	greatestProduct * (greatestProduct > 0 ? field.largestInverse : field.smallestInverse)[quad]!;

/** The most similar pixel found so far; of equals, the first in row-major order, as `argmax` has it. */
export type BestPixel = { pixel: number; similarity: number };

/** Looks through one quad's pixels for a better one. `products` are those of its corners with the query. */
export const searchQuad = (
	field: InterpolatedDescriptors,
	quad: number,
	[p0, p1, p2, p3]: readonly [number, number, number, number],
	best: BestPixel,
): void => {
	const { size, rows, columns, inverseLengths, cells } = field;
	const [row, column] = [Math.floor(quad / cells.grid.width), quad % cells.grid.width];
	for (let y = rows.starts[row]!; y < rows.starts[row + 1]!; y++) {
		const down = rows.share[y]!;
		const left = p0 + (p2 - p0) * down;
		const right = p1 + (p3 - p1) * down;
		for (let x = columns.starts[column]!; x < columns.starts[column + 1]!; x++) {
			const pixel = y * size.width + x;
			const inverse = inverseLengths[pixel]!;
			const similarity = (left + (right - left) * columns.share[x]!) * inverse;
			if (
				inverse !== 0 &&
				(similarity > best.similarity || (similarity === best.similarity && pixel < best.pixel))
			) {
				best.similarity = similarity;
				best.pixel = pixel;
			}
		}
	}
};
