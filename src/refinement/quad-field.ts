import { growTo } from '../wasm/module.js';
import type { LabImage } from './lab-image.js';
import { MAX_DISTANCE } from './neighbourhood.js';
import {
	type AffinityKernel,
	compileAffinityKernel,
	compileSupportKernel,
	ENTRY_BYTES,
	type PlaneLayout,
	QUAD,
	QUAD_BYTES,
	type SupportKernel,
	WEIGHTS_BYTES,
} from './quad-kernels.js';

const COLOURS = 3;
/** A colour that resembles none, for what lies outside the image: no pixel has a neighbour there. */
const NO_COLOUR = 1000;

const roundedUp = (value: number, to: number): number => Math.ceil(value / to) * to;

/**
 * The band's pixels of an image with their neighbours, in the memory of the kernels, four pixels at a time.
 * A quad is in the field when any of its pixels is in the band.
 *
 * A class and not a literal: for the literals of different frames V8 compiled what reads them again and again.
 */
export class QuadField {
	/** [quads] those that are still computed, the first so many of them. */
	readonly moving: Int32Array;

	constructor(
		/** [quads, QUAD] index in a plane, -1 for pixels outside the band. */
		readonly pixels: Int32Array,
		/** [count] planes of probabilities. */
		readonly planes: readonly Float32Array[],
		/** [quads, QUAD] sums of a pixel's weights, just below 1. */
		readonly sums: Float32Array,
		/** [count][quads, QUAD] the neighbours' support for each object, in the order of `moving`; see {@link updateSupports}. */
		readonly supports: readonly Float32Array[],
		/** [quads, 2] the kernels' list of the quads that are computed. */
		private readonly listed: Int32Array,
		/** Computes the support of the first so many quads of `moving`. */
		readonly updateSupports: (length: number) => void,
		/** Writes the band's probabilities back to where they came from. */
		readonly readBack: () => void,
	) {
		this.moving = Int32Array.from({ length: sums.length / QUAD }, (_, quad) => quad);
	}

	/** Goes on with the quad at one place of `moving` at an earlier place. */
	keep(from: number, to: number): void {
		const { moving, listed } = this;
		moving[to] = moving[from] as number;
		listed[2 * to] = listed[2 * from] as number;
		listed[2 * to + 1] = listed[2 * from + 1] as number;
	}
}

/** Room and kernels for images of one size. */
class Workspace {
	readonly #width: number;
	readonly #height: number;
	readonly #layout: PlaneLayout;
	readonly #memory = new WebAssembly.Memory({ initial: 1 });
	readonly #affinities: AffinityKernel;
	readonly #support: SupportKernel;

	constructor(width: number, height: number, sigma: number) {
		this.#width = width;
		this.#height = height;
		const stride = roundedUp(width, QUAD) + 2 * MAX_DISTANCE;
		this.#layout = { stride, planeBytes: 4 * stride * (height + 2 * MAX_DISTANCE) };
		this.#affinities = compileAffinityKernel(this.#layout, sigma, this.#memory);
		this.#support = compileSupportKernel(this.#layout, this.#memory);
	}

	field(lab: LabImage, band: Int32Array, objects: readonly Float32Array[]): QuadField {
		const firsts = this.#quadsOf(band);
		const quads = firsts.length;
		const { planeBytes, stride } = this.#layout;
		const entries = (COLOURS + objects.length) * planeBytes;
		const sums = entries + roundedUp(quads * ENTRY_BYTES, QUAD_BYTES);
		const support = sums + quads * QUAD_BYTES;
		const weights = support + objects.length * quads * QUAD_BYTES;
		growTo(this.#memory, weights + quads * WEIGHTS_BYTES);
		const floats = (from: number, length: number) => new Float32Array(this.#memory.buffer, from, length);
		const plane = (number: number) => floats(number * planeBytes, planeBytes / 4);

		[lab.l, lab.a, lab.b].forEach((colours, number) => {
			plane(number).fill(NO_COLOUR);
			this.#write(colours, plane(number));
		});
		const planes = objects.map((_, object) => plane(COLOURS + object));
		planes.forEach((to, object) => {
			to.fill(0);
			this.#write(objects[object] as Float32Array, to);
		});
		const listed = new Int32Array(this.#memory.buffer, entries, 2 * quads);
		firsts.forEach((first, quad) => {
			const [y, x] = [Math.floor(first / this.#width), first % this.#width];
			listed[2 * quad] = 4 * (y * stride + x);
			listed[2 * quad + 1] = weights + quad * WEIGHTS_BYTES;
		});
		this.#affinities(entries, entries + quads * ENTRY_BYTES, sums);

		const supportOf = (object: number): number => support + object * quads * QUAD_BYTES;
		return new QuadField(
			this.#pixelsOf(firsts, band),
			planes,
			floats(sums, quads * QUAD),
			objects.map((_, object) => floats(supportOf(object), quads * QUAD)),
			listed,
			(length) => {
				for (let object = 0; object < objects.length; object++) {
					const from = (COLOURS + object) * planeBytes;
					this.#support(entries, entries + length * ENTRY_BYTES, from, supportOf(object));
				}
			},
			() => {
				for (const [object, plane] of planes.entries()) {
					this.#read(plane, band, objects[object] as Float32Array);
				}
			},
		);
	}

	/** Numbers of the first pixels of the quads that have a pixel in the band. */
	#quadsOf(band: Int32Array): Int32Array {
		const firsts = new Int32Array(band.length);
		let count = 0;
		for (const pixel of band) {
			const first = pixel - ((pixel % this.#width) % QUAD);
			if (count === 0 || firsts[count - 1] !== first) {
				firsts[count++] = first;
			}
		}
		return firsts.slice(0, count);
	}

	#pixelsOf(firsts: Int32Array, band: Int32Array): Int32Array {
		const pixels = new Int32Array(firsts.length * QUAD).fill(-1);
		let quad = -1;
		for (const pixel of band) {
			const lane = (pixel % this.#width) % QUAD;
			if (firsts[quad] !== pixel - lane) {
				quad++;
			}
			pixels[quad * QUAD + lane] = this.#indexOf(pixel);
		}
		return pixels;
	}

	#indexOf(pixel: number): number {
		const y = Math.floor(pixel / this.#width);
		return (y + MAX_DISTANCE) * this.#layout.stride + MAX_DISTANCE + pixel - y * this.#width;
	}

	#write(values: Float32Array, plane: Float32Array): void {
		for (let first = 0; first < values.length; first += this.#width) {
			plane.set(values.subarray(first, first + this.#width), this.#indexOf(first));
		}
	}

	#read(plane: Float32Array, band: Int32Array, values: Float32Array): void {
		for (const pixel of band) {
			values[pixel] = plane[this.#indexOf(pixel)] as number;
		}
	}

	isFor(width: number, height: number): boolean {
		return width === this.#width && height === this.#height;
	}
}

/** The frames of a clip have one size, and are refined with the same settings: kernels and memory stay for the next one. */
let latest: { readonly workspace: Workspace; readonly sigma: number } | undefined;

/**
 * A field for a band of pixels; it holds until the next one is made.
 *
 * @param band pixel numbers, ascending, not empty
 * @param objects [count][pixels] probabilities
 * @param sigma colour distance at which two pixels stop supporting each other
 */
export const quadField = (
	lab: LabImage,
	band: Int32Array,
	objects: readonly Float32Array[],
	sigma: number,
): QuadField => {
	if (latest?.sigma !== sigma || !latest.workspace.isFor(lab.width, lab.height)) {
		latest = { workspace: new Workspace(lab.width, lab.height, sigma), sigma };
	}
	return latest.workspace.field(lab, band, objects);
};
