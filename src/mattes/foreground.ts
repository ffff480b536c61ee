import type { Raster } from '../core/frame.js';
import { boxMean, type Plane } from './planes.js';
import type { Box } from './soft-alpha.js';

/** Radii of the two rounds, in pixels of 480 lines: the first finds colours far away, the second those that are near. */
const ROUNDS = [18, 3] as const;
const LINES = 480;
/** Opacities below this are as good as none for telling a colour. */
const LEAST = 1e-3;

/**
 * An image in which pixels that an object covers partly have the object's own colour, without what shines through: the colours
 * that go with straight alpha. Just outside, its colours go on a little, so that filters and subsampled chroma meet no others; everything
 * else stays.
 *
 * Estimated by blurring (Forte, "Approximate Fast Foreground Colour Estimation", ICIP 2021).
 *
 * @param alpha 0..255 of the image's pixels
 * @param box outside of which nothing is opaque
 */
export const foregroundColours = (image: Raster<3>, alpha: Raster<1>, box: Box): Raster<3> => {
	const size = { width: box.width, height: box.height };
	const pixels = box.width * box.height;
	const at = (pixel: number): number =>
		(box.y + Math.floor(pixel / box.width)) * image.width + box.x + (pixel % box.width);
	const places = Int32Array.from({ length: pixels }, (_, pixel) => at(pixel));
	const opacity = Float32Array.from(places, (place) => (alpha.data[place] as number) / 255);
	const scale = Math.min(image.width, image.height) / LINES;
	const data = image.data.slice();
	const near = boxMean(opacity, size, Math.max(1, Math.round(ROUNDS[1] * scale)));
	for (let channel = 0; channel < 3; channel++) {
		const seen = Float32Array.from(places, (place) => image.data[place * 3 + channel] as number);
		let [front, back]: readonly [Plane, Plane] = [seen, seen];
		for (const round of ROUNDS) {
			const radius = Math.max(1, Math.round(round * scale));
			const [fronts, backs] = [
				weightedMean(front, opacity, size, radius),
				weightedMean(
					back,
					opacity.map((share) => 1 - share),
					size,
					radius,
				),
			];
			// What the two do not explain of a pixel is shared between them, as far as each is seen there.
			const shared = (own: Plane, isFront: boolean): Plane =>
				own.map((value, pixel) => {
					const share = opacity[pixel] as number;
					const [f, b] = [fronts[pixel] as number, backs[pixel] as number];
					const rest = (seen[pixel] as number) - share * f - (1 - share) * b;
					return Math.max(0, Math.min(255, value + (isFront ? share : 1 - share) * rest));
				});
			[front, back] = [shared(fronts, true), shared(backs, false)];
		}
		for (let pixel = 0; pixel < pixels; pixel++) {
			if ((opacity[pixel] as number) < 1 && (near[pixel] as number) > LEAST) {
				data[(places[pixel] as number) * 3 + channel] = Math.round(front[pixel] as number);
			}
		}
	}
	return { ...image, data };
};

/** Means of colours around each pixel, of those that are of the layer; the colour itself where none is. */
const weightedMean = (
	values: Plane,
	weights: Plane,
	size: Parameters<typeof boxMean>[1],
	radius: number,
): Plane => {
	const sums = boxMean(
		values.map((value, at) => value * (weights[at] as number)),
		size,
		radius,
	);
	const totals = boxMean(weights, size, radius);
	return sums.map((sum, at) =>
		(totals[at] as number) > LEAST ? sum / (totals[at] as number) : (values[at] as number),
	);
};
