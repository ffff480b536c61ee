import type { Point } from '../core/point.js';
import { cellsFromPixels, type Size } from '../core/size.js';
import { cellDescriptors, descriptorAt, similarityTo } from '../matching/cell-descriptors.js';
import type { DescribedImage } from '../matching/described-image.js';
import {
	type BestPixel,
	InterpolatedDescriptors,
	quadBound,
	searchQuad,
} from './interpolated-descriptors.js';
import type { PointMatch } from './match-points.js';

/**
 * Finds points of one image in another exactly as the paper's released code does
 * (`find_nn_source_correspondences`): both maps upsampled bilinearly to the load size, unnormalised; the source
 * gathered at the rounded point; cosine similarity; argmax over all target pixels. Points are rescaled by the ratio
 * of the sizes, without a half-pixel shift.
 *
 * @param loadSize size at which the model sees each image
 */
export const matchPointsAsPublished = (
	source: DescribedImage,
	target: DescribedImage,
	points: readonly Point[],
	loadSize: { readonly source: Size; readonly target: Size },
): PointMatch[] => {
	const sourceCells = cellDescriptors(source.map);
	const field = new InterpolatedDescriptors(cellDescriptors(target.map), loadSize.target);
	return points.map((point) => {
		const { pixel, similarity } = nearestPixel(
			field,
			descriptorAtPixel(sourceCells, loadedPoint(point, source, loadSize.source), loadSize.source),
		);
		return {
			source: point,
			target: [
				((pixel % field.size.width) * target.width) / field.size.width,
				(Math.floor(pixel / field.size.width) * target.height) / field.size.height,
			],
			score: similarity,
		};
	});
};

/** A point of the original image at the load size: rescaled, clipped to the image, then rounded half to even. */
export const loadedPoint = ([x, y]: Point, original: Size, load: Size): readonly [number, number] => [
	loadedCoordinate(x, original.width, load.width),
	loadedCoordinate(y, original.height, load.height),
];

const loadedCoordinate = (value: number, original: number, load: number): number =>
	roundHalfToEven(Math.min(Math.max((value / original) * load, 0), load - 1));

/** Rounding as numpy does it. */
const roundHalfToEven = (value: number): number => {
	const floor = Math.floor(value);
	if (value - floor !== 0.5) {
		return Math.round(value);
	}
	return floor % 2 === 0 ? floor : floor + 1;
};

const descriptorAtPixel = (
	cells: ReturnType<typeof cellDescriptors>,
	[x, y]: readonly [number, number],
	{ width, height }: Size,
): Float32Array =>
	descriptorAt(
		cells,
		cellsFromPixels(x, width, cells.grid.width),
		cellsFromPixels(y, height, cells.grid.height),
	);

/** The pixel of the upsampled map that is most similar to a descriptor of length 1. */
const nearestPixel = (field: InterpolatedDescriptors, descriptor: Float32Array): BestPixel => {
	const { cells } = field;
	const count = cells.grid.height * cells.grid.width;
	const products = Float64Array.from({ length: count }, (_, cell) => similarityTo(cells, cell, descriptor));
	const bounds = Float64Array.from({ length: count }, (_, quad) =>
		quadBound(field, quad, Math.max(...field.corners(quad).map((cell) => products[cell]!))),
	);
	const best: BestPixel = { pixel: 0, similarity: Number.NEGATIVE_INFINITY };
	// The most promising quad first: nearly all others are then ruled out by their bounds.
	const search = (quad: number): void => {
		const [a, b, c, d] = field.corners(quad);
		const at = (cell: number): number => products[cell]!;
		searchQuad(field, quad, [at(a), at(b), at(c), at(d)], best);
	};
	search(bounds.reduce((first, bound, quad) => (bound > bounds[first]! ? quad : first), 0));
	for (let quad = 0; quad < count; quad++) {
		if (bounds[quad]! >= best.similarity) {
			search(quad);
		}
	}
	return best;
};
