import type { Size } from '../core/size.js';
import { boxMean, type Plane } from './planes.js';

/** For each pixel what its opacity is by its colour, in the colours of its surroundings: `r * R + g * G + b * B + one`. */
export type ColourLines = {
	readonly r: Plane;
	readonly g: Plane;
	readonly b: Plane;
	readonly one: Plane;
};

export type ColourLineOptions = {
	/** Of the squares in which opacity is taken to be linear in colour. */
	readonly radius: number;
	/** Of the squares whose findings a pixel goes by. */
	readonly reach: number;
	/** Variance of colours (0..1) that means nothing. */
	readonly noise: number;
	/** How much squares count that explain the mask well, against those that do not. */
	readonly choosiness: number;
	/** [height * width] how far the mask can be trusted at each pixel. */
	readonly trust: Plane;
};

/** Of the mask (0..1), that squares leave unexplained at least. */
const LEAST_RESIDUE = 0.003;

/**
 * A guided filter (He, Sun & Tang, "Guided Image Filtering", ECCV 2010) of a mask by the image it belongs to, with two differences:
 * pixels where the mask is doubtful count less, and of the squares that a pixel is in, those count more in which colours do
 * explain the mask: one that only touches the border elsewhere has nothing to say.
 *
 * @param colours three planes, 0..1
 * @param mask 0..1
 */
export const fitColourLines = (
	colours: readonly [Plane, Plane, Plane],
	mask: Plane,
	size: Size,
	{ radius, reach, noise, choosiness, trust }: ColourLineOptions,
): ColourLines => {
	const weights = boxMean(trust, size, radius);
	const mean = (of: (at: number) => number): Plane => {
		const weighted = new Float32Array(mask.length);
		for (let at = 0; at < weighted.length; at++) {
			weighted[at] = of(at) * (trust[at] as number);
		}
		const means = boxMean(weighted, size, radius);
		for (let at = 0; at < means.length; at++) {
			means[at] = (means[at] as number) / ((weights[at] as number) + 1e-9);
		}
		return means;
	};
	const product = (a: Plane, b: Plane): Plane => mean((at) => (a[at] as number) * (b[at] as number));
	const [r, g, b] = colours;
	const [mr, mg, mb] = [r, g, b].map((plane) => mean((at) => plane[at] as number)) as [Plane, Plane, Plane];
	const mm = mean((at) => mask[at] as number);
	const [rm, gm, bm, squares] = [r, g, b, mask].map((plane) => product(plane, mask)) as Planes4;
	const [rr, rg, rb] = [product(r, r), product(r, g), product(r, b)];
	const [gg, gb, bb] = [product(g, g), product(g, b), product(b, b)];
	const lines = Array.from({ length: 5 }, () => new Float32Array(mask.length)) as unknown as Planes5;
	for (let at = 0; at < mask.length; at++) {
		const of = (plane: Plane): number => plane[at] as number;
		const [cr, cg, cb, cm] = [of(mr), of(mg), of(mb), of(mm)];
		// Covariances of colours, and their inverse times those with the mask.
		const [s00, s01, s02] = [of(rr) - cr * cr + noise, of(rg) - cr * cg, of(rb) - cr * cb];
		const [s11, s12, s22] = [of(gg) - cg * cg + noise, of(gb) - cg * cb, of(bb) - cb * cb + noise];
		const [x, y, z] = [of(rm) - cr * cm, of(gm) - cg * cm, of(bm) - cb * cm];
		const [i00, i01, i02] = [s11 * s22 - s12 * s12, s02 * s12 - s01 * s22, s01 * s12 - s02 * s11];
		const [i11, i12, i22] = [s00 * s22 - s02 * s02, s01 * s02 - s00 * s12, s00 * s11 - s01 * s01];
		const determinant = s00 * i00 + s01 * i01 + s02 * i02;
		const a0 = (i00 * x + i01 * y + i02 * z) / determinant;
		const a1 = (i01 * x + i11 * y + i12 * z) / determinant;
		const a2 = (i02 * x + i12 * y + i22 * z) / determinant;
		const residue = Math.max(0, of(squares) - cm * cm - a0 * x - a1 * y - a2 * z);
		const weight = (of(weights) + 1e-6) / (residue + LEAST_RESIDUE) ** choosiness;
		lines[0][at] = a0 * weight;
		lines[1][at] = a1 * weight;
		lines[2][at] = a2 * weight;
		lines[3][at] = (cm - a0 * cr - a1 * cg - a2 * cb) * weight;
		lines[4][at] = weight;
	}
	const [sr, sg, sb, one, total] = lines.map((plane) => boxMean(plane, size, reach)) as unknown as Planes5;
	const over = (plane: Plane): Plane => plane.map((value, at) => value / (total[at] as number));
	return { r: over(sr), g: over(sg), b: over(sb), one: over(one) };
};

type Planes4 = [Plane, Plane, Plane, Plane];
type Planes5 = [Plane, Plane, Plane, Plane, Plane];

/** Some of the one and some of the other. @param share [height * width] 0..1, the second one's */
export const mixColourLines = (a: ColourLines, b: ColourLines, share: Plane): ColourLines => {
	const mix = (from: Plane, to: Plane): Plane =>
		from.map((value, at) => value + (share[at] as number) * ((to[at] as number) - value));
	return { r: mix(a.r, b.r), g: mix(a.g, b.g), b: mix(a.b, b.b), one: mix(a.one, b.one) };
};
