import type { DescriptorMap } from '../../core/descriptor-map.js';
import type { Raster } from '../../core/frame.js';
import { cellsOfPixels } from '../../core/grid-position.js';
import type { GridSize } from '../../core/size.js';

/** How fast neighbours stop belonging together: by what they are (1 - cosine), and by their colour (L*a*b* / 100). */
const DESCRIPTOR_SPREAD = 0.15;
const COLOUR_SPREAD = 0.1;
/** No two neighbours are quite apart: what is enclosed by edges still belongs to something. */
const WEAKEST = 1e-4;

/** An image's cells: what each of them is, and how much it belongs together with its neighbours. */
export class CellGraph {
	/** [cells, channels], of unit length. */
	readonly #descriptors: Float32Array;
	/** [cells, 3] mean colour, L*a*b* / 100. */
	readonly #colours: Float32Array;
	/** One for each of {@link steps}; [height + 2, width + 2], with a rim to which nothing belongs. */
	readonly #weights: readonly Float32Array[];
	/** Of all neighbours together. */
	readonly #totals: Float32Array;

	private constructor(
		readonly grid: GridSize,
		private readonly channels: number,
		descriptors: Float32Array,
		colours: Float32Array,
	) {
		this.#descriptors = descriptors;
		this.#colours = colours;
		const { width, height } = grid;
		const stride = width + 2;
		this.#totals = new Float32Array(stride * (height + 2));
		this.#weights = steps.map(([dx, dy]) => {
			const weights = new Float32Array(stride * (height + 2));
			for (let y = 0; y + dy < height; y++) {
				for (let x = Math.max(0, -dx); x + Math.max(0, dx) < width; x++) {
					const cell = y * width + x;
					const [at, other] = [(y + 1) * stride + x + 1, (y + 1 + dy) * stride + x + 1 + dx];
					const weight = this.#weight(cell, cell + dy * width + dx) / Math.hypot(dx, dy);
					weights[at] = weight;
					this.#totals[at] = (this.#totals[at] as number) + weight;
					this.#totals[other] = (this.#totals[other] as number) + weight;
				}
			}
			return weights;
		});
	}

	static of(image: Raster<3>, { channels, width, height, data }: DescriptorMap): CellGraph {
		const cells = width * height;
		const descriptors = new Float32Array(cells * channels);
		// What all of the image has in common tells nothing apart.
		for (let c = 0; c < channels; c++) {
			const plane = data.subarray(c * cells, (c + 1) * cells);
			const mean = plane.reduce((sum, value) => sum + value, 0) / cells;
			for (let cell = 0; cell < cells; cell++) {
				descriptors[cell * channels + c] = (plane[cell] as number) - mean;
			}
		}
		for (let cell = 0; cell < cells; cell++) {
			const own = descriptors.subarray(cell * channels, (cell + 1) * channels);
			const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0)) || 1;
			for (let c = 0; c < channels; c++) {
				own[c] = (own[c] as number) / length;
			}
		}
		return new CellGraph({ width, height }, channels, descriptors, meanColours(image, { width, height }));
	}

	/** Cosine of what two cells are. */
	similarity(a: number, b: number): number {
		const { channels } = this;
		let sum = 0;
		for (let c = 0; c < channels; c++) {
			sum +=
				(this.#descriptors[a * channels + c] as number) * (this.#descriptors[b * channels + c] as number);
		}
		return sum;
	}

	/** Of two cells' colours; about 0.02 is just visible. */
	colourDistance(a: number, b: number): number {
		let squares = 0;
		for (let c = 0; c < 3; c++) {
			squares += ((this.#colours[a * 3 + c] as number) - (this.#colours[b * 3 + c] as number)) ** 2;
		}
		return Math.sqrt(squares);
	}

	/** Cells that are as different from each other as can be: the first of them, the one least like it, and so on. */
	typical(cells: readonly number[], count: number): number[] {
		const [first] = cells;
		if (first === undefined) {
			return [];
		}
		const chosen = [first];
		const nearest = cells.map((cell) => this.similarity(cell, first));
		while (chosen.length < Math.min(count, cells.length)) {
			const at = nearest.indexOf(Math.min(...nearest));
			const next = cells[at] as number;
			chosen.push(next);
			for (const [n, cell] of cells.entries()) {
				nearest[n] = Math.max(nearest[n] as number, this.similarity(cell, next));
			}
		}
		return chosen;
	}

	/**
	 * Lets what is believed of cells spread along what belongs together: the random walk of Grady (2006), with priors (Grady 2005), by
	 * successive over-relaxation.
	 *
	 * @param belief [cells] 0..1: how far each cell by itself looks like the object
	 * @param strength of the belief, beside the neighbours'
	 * @param fixed [cells] 0 or 1 where it is known, -1 elsewhere
	 * @returns [cells] 0..1
	 */
	spread(belief: Float32Array, strength: number, fixed: Int8Array): Float32Array {
		const { width, height } = this.grid;
		const [right, down, downRight, downLeft] = this.#weights as Ways;
		const total = this.#totals;
		// A row and a column more on all sides, to which nothing belongs: so no neighbour has to be looked for.
		const stride = width + 2;
		const out = new Float32Array(stride * (height + 2));
		const places = new Int32Array(width * height);
		for (let cell = 0; cell < belief.length; cell++) {
			const place = (Math.floor(cell / width) + 1) * stride + (cell % width) + 1;
			places[cell] = place;
			out[place] = fixed[cell] === -1 ? (belief[cell] as number) : (fixed[cell] as number);
		}
		for (let round = 0; round < MOST_ROUNDS; round++) {
			let change = 0;
			for (let n = 0; n < belief.length; n++) {
				const cell = round % 2 === 0 ? n : belief.length - 1 - n;
				if (fixed[cell] !== -1) {
					continue;
				}
				const at = places[cell] as number;
				const sum =
					strength * (belief[cell] as number) +
					(right[at] as number) * (out[at + 1] as number) +
					(right[at - 1] as number) * (out[at - 1] as number) +
					(down[at] as number) * (out[at + stride] as number) +
					(down[at - stride] as number) * (out[at - stride] as number) +
					(downRight[at] as number) * (out[at + stride + 1] as number) +
					(downRight[at - stride - 1] as number) * (out[at - stride - 1] as number) +
					(downLeft[at] as number) * (out[at + stride - 1] as number) +
					(downLeft[at - stride + 1] as number) * (out[at - stride + 1] as number);
				const step = sum / (strength + (total[at] as number)) - (out[at] as number);
				out[at] = (out[at] as number) + OVER_RELAXATION * step;
				change = Math.max(change, Math.abs(step));
			}
			if (change < SETTLED) {
				break;
			}
		}
		return Float32Array.from(places, (place) => out[place] as number);
	}

	#weight(a: number, b: number): number {
		const apart = (1 - this.similarity(a, b)) / DESCRIPTOR_SPREAD;
		return Math.exp(-apart - (this.colourDistance(a, b) / COLOUR_SPREAD) ** 2) + WEAKEST;
	}
}

/** To the right, down, down and right, down and left: the other four are these of the neighbours. */
const steps = [
	[1, 0],
	[0, 1],
	[1, 1],
	[-1, 1],
] as const;

type Ways = readonly [Float32Array, Float32Array, Float32Array, Float32Array];

/** Near the optimum for grids of this size. */
const OVER_RELAXATION = 1.85;
const MOST_ROUNDS = 120;
/** Less than this changes no border. */
const SETTLED = 1e-3;

const linear = Float32Array.from({ length: 256 }, (_, value) => {
	const v = value / 255;
	return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
});

const curve = (t: number): number => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);

/** [cells, 3] L*a*b* / 100 (D65) of the mean of each cell's light. */
const meanColours = ({ width, height, data }: Raster<3>, grid: GridSize): Float32Array => {
	const [columns, rows] = [cellsOfPixels(width, grid.width), cellsOfPixels(height, grid.height)];
	const cells = grid.width * grid.height;
	const sums = new Float64Array(cells * 3);
	const counts = new Uint32Array(cells);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const cell = (rows[y] as number) * grid.width + (columns[x] as number);
			const at = (y * width + x) * 3;
			for (let c = 0; c < 3; c++) {
				sums[cell * 3 + c] = (sums[cell * 3 + c] as number) + (linear[data[at + c] as number] as number);
			}
			counts[cell] = (counts[cell] as number) + 1;
		}
	}
	const out = new Float32Array(cells * 3);
	for (let cell = 0; cell < cells; cell++) {
		const count = Math.max(1, counts[cell] as number);
		const [red, green, blue] = [0, 1, 2].map((c) => (sums[cell * 3 + c] as number) / count) as [
			number,
			number,
			number,
		];
		const x = curve((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505);
		const y = curve(0.2126 * red + 0.7152 * green + 0.0722 * blue);
		const z = curve((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089);
		out.set([1.16 * y - 0.16, 5 * (x - y), 2 * (y - z)], cell * 3);
	}
	return out;
};
