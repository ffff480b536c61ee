import type { Raster } from '../media/frame.js';
import { allRuns, type PixelRuns } from './pixel-runs.js';

/** CIE L*a*b* (D65) divided by 100, planar: distances of about 0.02 are just visible. */
export type LabImage = {
	readonly width: number;
	readonly height: number;
	readonly l: Float32Array;
	readonly a: Float32Array;
	readonly b: Float32Array;
};

const linearFromByte = Float32Array.from({ length: 256 }, (_, value) => {
	const v = value / 255;
	return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
});

/** The cube-root curve of L*a*b*, tabulated: Math.cbrt for every pixel costs more than the rest of refinement. */
const CURVE_STEPS = 4096;
const labCurve = Float32Array.from({ length: CURVE_STEPS + 1 }, (_, step) => {
	const t = step / CURVE_STEPS;
	return t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116;
});

/**
 * Converts an image after averaging blocks of `factor` x `factor` pixels; rows and columns left over at the end are dropped.
 *
 * @param wanted the blocks to be converted; the others are 0; all when omitted
 */
export const labImage = (image: Raster<3>, factor: number, wanted?: PixelRuns): LabImage => {
	const width = Math.floor(image.width / factor);
	const height = Math.floor(image.height / factor);
	const runs = wanted ?? allRuns({ width, height });
	const plane = () => new Float32Array(width * height);
	const out = { width, height, l: plane(), a: plane(), b: plane() };
	const area = factor * factor;
	for (let run = 0; run < runs.length; run += 2) {
		const y = Math.floor((runs[run] as number) / width);
		for (let pixel = runs[run] as number; pixel < (runs[run + 1] as number); pixel++) {
			const x = pixel - y * width;
			let red = 0;
			let green = 0;
			let blue = 0;
			for (let dy = 0; dy < factor; dy++) {
				let at = ((y * factor + dy) * image.width + x * factor) * 3;
				for (let dx = 0; dx < factor; dx++) {
					red += image.data[at++] as number;
					green += image.data[at++] as number;
					blue += image.data[at++] as number;
				}
			}
			const r = linearFromByte[Math.round(red / area)] as number;
			const g = linearFromByte[Math.round(green / area)] as number;
			const b = linearFromByte[Math.round(blue / area)] as number;
			// sRGB to XYZ relative to the D65 white point.
			const fx = curve(0.433953 * r + 0.376219 * g + 0.189828 * b);
			const fy = curve(0.212671 * r + 0.71516 * g + 0.072169 * b);
			const fz = curve(0.017758 * r + 0.109477 * g + 0.872766 * b);
			out.l[pixel] = 1.16 * fy - 0.16;
			out.a[pixel] = 5 * (fx - fy);
			out.b[pixel] = 2 * (fy - fz);
		}
	}
	return out;
};

const curve = (t: number): number => labCurve[Math.min(CURVE_STEPS, Math.round(t * CURVE_STEPS))] as number;
