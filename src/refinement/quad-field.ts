import { growTo, roundedUp } from '../wasm/module.js';
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
import type { RefinementSettings } from './settings.js';
import { compileStepKernel, STEP_RECORD, type StepKernel } from './step-kernel.js';

/** What the kernels are compiled for. */
type FieldSettings = Pick<RefinementSettings, 'colourSigma' | 'smoothness'>;

const COLOURS = 3;
/** A colour that resembles none, for what lies outside the image: no pixel has a neighbour there. */
const NO_COLOUR = 1000;

/**
 * The band's pixels of an image with their neighbours, in the memory of the kernels, four pixels at a time.
 * A quad is in the field when any of its pixels is in the band.
 *
 * A class and not a literal: for the literals of different frames V8 compiled what reads them again and again.
 */
export class QuadField {
	constructor(
		/** [quads, QUAD] index in a plane, -1 for pixels outside the band. */
		readonly pixels: Int32Array,
		/** [count] planes of probabilities. */
		readonly planes: readonly Float32Array[],
		/** [count][quads, QUAD] logarithms of the objects' odds against the background: to be written before the first iteration. */
		readonly unary: readonly Float32Array[],
		/** One iteration at the quads that still move, all at first; returns whether any still does. */
		readonly iterate: () => boolean,
		/** Writes the band's probabilities back to where they came from. */
		readonly readBack: () => void,
	) {}
}

/** Room and kernels for images of one size. */
class Workspace {
	readonly #width: number;
	readonly #height: number;
	readonly #layout: PlaneLayout;
	readonly #memory = new WebAssembly.Memory({ initial: 1 });
	readonly #affinities: AffinityKernel;
	readonly #support: SupportKernel;
	readonly #step: StepKernel;

	constructor(width: number, height: number, { colourSigma, smoothness }: FieldSettings) {
		this.#width = width;
		this.#height = height;
		const stride = roundedUp(width, QUAD) + 2 * MAX_DISTANCE;
		this.#layout = { stride, planeBytes: 4 * stride * (height + 2 * MAX_DISTANCE) };
		this.#affinities = compileAffinityKernel(this.#layout, colourSigma, this.#memory);
		this.#support = compileSupportKernel(this.#layout, this.#memory);
		this.#step = compileStepKernel(this.#memory, smoothness);
	}

	field(lab: LabImage, band: Int32Array, objects: readonly Float32Array[]): QuadField {
		const firsts = this.#quadsOf(band);
		const quads = firsts.length;
		const count = objects.length;
		const { planeBytes, stride } = this.#layout;
		const quadBytes = quads * QUAD_BYTES;
		const entries = (COLOURS + count) * planeBytes;
		const sums = entries + roundedUp(quads * ENTRY_BYTES, QUAD_BYTES);
		const masks = sums + quadBytes;
		const supports = masks + quadBytes;
		const unary = supports + count * quadBytes;
		const places = unary + count * quadBytes;
		const moving = places + 4 * quads;
		const record = moving + 4 * quads;
		const weights = roundedUp(record + 4 * STEP_RECORD.length, QUAD_BYTES);
		growTo(this.#memory, weights + quads * WEIGHTS_BYTES);
		const floats = (from: number, length: number) => new Float32Array(this.#memory.buffer, from, length);
		const ints = (from: number, length: number) => new Int32Array(this.#memory.buffer, from, length);
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
		const listed = ints(entries, 2 * quads);
		const placed = ints(places, quads);
		const all = ints(moving, quads);
		firsts.forEach((first, quad) => {
			const [y, x] = [Math.floor(first / this.#width), first % this.#width];
			listed[2 * quad] = 4 * (y * stride + x);
			listed[2 * quad + 1] = weights + quad * WEIGHTS_BYTES;
			placed[quad] = 4 * this.#indexOf(first);
			all[quad] = quad;
		});
		const pixels = this.#pixelsOf(firsts, band);
		const masked = ints(masks, quads * QUAD);
		pixels.forEach((pixel, at) => {
			masked[at] = pixel < 0 ? 0 : -1;
		});
		this.#affinities(entries, entries + quads * ENTRY_BYTES, sums);

		const told = ints(record, STEP_RECORD.length);
		const movingEnd = STEP_RECORD.indexOf('movingEnd');
		told.set([
			...[count, moving, moving + 4 * quads, entries, places, masks, sums],
			...[unary, quadBytes, supports, quadBytes, COLOURS * planeBytes, planeBytes],
		]);
		return new QuadField(
			pixels,
			planes,
			objects.map((_, object) => floats(unary + object * quadBytes, quads * QUAD)),
			() => {
				const left = ((told[movingEnd] as number) - moving) / 4;
				for (let object = 0; object < count; object++) {
					const from = (COLOURS + object) * planeBytes;
					this.#support(entries, entries + left * ENTRY_BYTES, from, supports + object * quadBytes);
				}
				this.#step(record);
				return (told[movingEnd] as number) > moving;
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
let latest: { readonly workspace: Workspace; readonly settings: FieldSettings } | undefined;

/**
 * A field for a band of pixels; it holds until the next one is made.
 *
 * @param band pixel numbers, ascending, not empty
 * @param objects [count][pixels] probabilities
 */
export const quadField = (
	lab: LabImage,
	band: Int32Array,
	objects: readonly Float32Array[],
	settings: FieldSettings,
): QuadField => {
	const { colourSigma, smoothness } = settings;
	if (
		latest?.settings.colourSigma !== colourSigma ||
		latest.settings.smoothness !== smoothness ||
		!latest.workspace.isFor(lab.width, lab.height)
	) {
		latest = { workspace: new Workspace(lab.width, lab.height, settings), settings };
	}
	return latest.workspace.field(lab, band, objects);
};
