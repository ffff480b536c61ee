import { floatsAt, intsAt, type Kernels, openKernels } from '../../kernels/kernels.js';
import type { LabImage } from './lab-image.js';
import type { RefinementSettings } from './settings.js';

/** How far away the farthest neighbours are, in pixels of the working image: see `kernels/assembly/mean-field.ts`. */
export const MAX_DISTANCE = 8;
/** The planes of colours lie in front of the objects'. */
const COLOURS = 3;

/** The frames of a clip have one size: the memory stays for the next one. */
let kernels: Kernels | undefined;

/**
 * Mean-field inference of a conditional random field whose unary term is the given probability and whose pairwise term
 * lets pixels of similar colour agree. Updates the objects' probabilities in place, at the band's pixels only.
 *
 * @param objects [count][pixels] probabilities of the objects; the background has the rest
 * @param band pixel numbers, ascending
 */
export const meanField = (
	objects: readonly Float32Array[],
	band: Int32Array,
	lab: LabImage,
	{ iterations, colourSigma, smoothness, evidence }: RefinementSettings,
): void => {
	if (iterations === 0 || band.length === 0 || objects.length === 0) {
		return;
	}
	kernels ??= openKernels();
	kernels.openField(lab.width, lab.height, objects.length, band.length);
	intsAt(kernels, kernels.fieldBand(), band.length).set(band);
	[lab.l, lab.a, lab.b].forEach(writePlane(kernels, 0, lab.width));
	objects.forEach(writePlane(kernels, COLOURS, lab.width));
	writeOdds(kernels, objects, band, evidence);
	kernels.compareNeighbours(colourSigma);
	let moves = 1;
	for (let iteration = 0; iteration < iterations && moves === 1; iteration++) {
		moves = kernels.iterate(smoothness);
	}
	for (const [object, values] of objects.entries()) {
		const refined = floatsAt(kernels, kernels.fieldProbabilities(object), band.length);
		for (let i = 0; i < band.length; i++) {
			values[band[i]!] = refined[i]!;
		}
	}
};

/** Writes the planes from one on, row by row: behind each row there is a margin. */
const writePlane =
	(kernels: Kernels, first: number, width: number) =>
	(values: Float32Array, plane: number): void => {
		for (let pixel = 0; pixel < values.length; pixel += width) {
			const row = kernels.fieldPixel(first + plane, pixel);
			floatsAt(kernels, row, width).set(values.subarray(pixel, pixel + width));
		}
	};

/** The propagated probability is never certain, so that an edge can still move it. */
const certain = (probability: number): number => Math.min(0.98, Math.max(0.02, probability));

/** The logarithms of the objects' odds against the background. */
const writeOdds = (
	kernels: Kernels,
	objects: readonly Float32Array[],
	band: Int32Array,
	evidence: number,
): void => {
	const logarithms = objects.map((_, object) => floatsAt(kernels, kernels.fieldOdds(object), band.length));
	for (let i = 0; i < band.length; i++) {
		const pixel = band[i]!;
		let background = 1;
		for (const values of objects) {
			background -= values[pixel]!;
		}
		for (let object = 0; object < objects.length; object++) {
			const odds = certain(objects[object]![pixel]!) / certain(background);
			logarithms[object]![i] = evidence * Math.log(odds);
		}
	}
};
