import { discard } from '../discard.js';
import type { LabImage } from './lab-image.js';
import { type QuadField, quadField } from './quad-field.js';
import type { RefinementSettings } from './settings.js';

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
	settings: RefinementSettings,
): void => {
	if (settings.iterations === 0 || band.length === 0 || objects.length === 0) {
		return;
	}
	const field = quadField(lab, band, objects, settings);
	writeUnary(field, settings.evidence);
	let moves = true;
	for (let iteration = 0; iteration < settings.iterations && moves; iteration++) {
		moves = field.iterate();
	}
	field.readBack();
	discard([field.pixels]);
};

/** The propagated probability is never certain, so that an edge can still move it. */
const certain = (probability: number): number => Math.min(0.98, Math.max(0.02, probability));

/** The logarithms of the objects' odds against the background; 0 outside the band. */
const writeUnary = ({ pixels, planes, unary }: QuadField, evidence: number): void => {
	pixels.forEach((pixel, i) => {
		const background = planes.reduce((rest, plane) => rest - (plane[pixel] as number), 1);
		for (const [object, logarithms] of unary.entries()) {
			const odds = certain((planes[object] as Float32Array)[pixel] as number) / certain(background);
			logarithms[i] = pixel < 0 ? 0 : evidence * Math.log(odds);
		}
	});
};
