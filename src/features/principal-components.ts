import type { DescriptorMap } from '../core/descriptor-map.js';
import type { Raster } from '../core/frame.js';

const COMPONENTS = 3;
/** Subspace iteration converges by the ratio of neighbouring eigenvalues at each round; a picture needs no more. */
const ROUNDS = 60;

const cellsOf = ({ height, width }: DescriptorMap): number => height * width;

const meansOf = (maps: readonly DescriptorMap[], channels: number): Float64Array => {
	const means = new Float64Array(channels);
	const cells = maps.reduce((sum, map) => sum + cellsOf(map), 0);
	for (const map of maps) {
		const area = cellsOf(map);
		for (let i = 0; i < channels * area; i++) {
			const channel = Math.floor(i / area);
			means[channel]! += map.data[i]! / cells;
		}
	}
	return means;
};

/** Covariance of all maps' cells together, [C, C]. */
const covarianceOf = (
	maps: readonly DescriptorMap[],
	channels: number,
	means: Float64Array,
): Float64Array => {
	const covariance = new Float64Array(channels * channels);
	const cells = maps.reduce((sum, map) => sum + cellsOf(map), 0);
	for (let a = 0; a < channels; a++) {
		for (let b = a; b < channels; b++) {
			let sum = 0;
			for (const { data, height, width } of maps) {
				const area = height * width;
				for (let cell = 0; cell < area; cell++) {
					sum += data[a * area + cell]! * data[b * area + cell]!;
				}
			}
			const value = sum / cells - means[a]! * means[b]!;
			covariance[a * channels + b] = value;
			covariance[b * channels + a] = value;
		}
	}
	return covariance;
};

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** Makes the vectors orthonormal (Gram-Schmidt), each with its largest entry positive so that colours are stable. */
const orthonormalise = (vectors: readonly Float64Array[]): Float64Array[] => {
	const basis: Float64Array[] = [];
	for (const vector of vectors) {
		let rest = vector;
		for (const axis of basis) {
			const along = dot(rest, axis);
			rest = rest.map((value, i) => value - along * axis[i]!);
		}
		const largest = rest.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
		const length = Math.sqrt(dot(rest, rest)) * (largest < 0 ? -1 : 1);
		basis.push(length === 0 ? rest : rest.map((value) => value / length));
	}
	return basis;
};

/**
 * The first three principal components of the maps' descriptors, strongest first, each [C] of unit length.
 * Found by subspace iteration from a fixed start, so the result is the same every time.
 */
const principalAxes = (
	maps: readonly DescriptorMap[],
	channels: number,
	means: Float64Array,
): Float64Array[] => {
	const covariance = covarianceOf(maps, channels, means);
	let axes: Float64Array[] = Array.from({ length: COMPONENTS }, (_, k) =>
		Float64Array.from({ length: channels }, (_, c) => Math.cos((k + 1) * (c + 1))),
	);
	for (let round = 0; round < ROUNDS; round++) {
		axes = orthonormalise(
			axes.map((axis) =>
				axis.map((_, row) => dot(covariance.subarray(row * channels, (row + 1) * channels), axis)),
			),
		);
	}
	return axes;
};

const project = (
	{ data, channels, height, width }: DescriptorMap,
	axis: Float64Array,
	means: Float64Array,
) => {
	const area = height * width;
	const projected = new Float64Array(area);
	for (let c = 0; c < channels; c++) {
		for (let cell = 0; cell < area; cell++) {
			projected[cell]! += axis[c]! * (data[c * area + cell]! - means[c]!);
		}
	}
	return projected;
};

/**
 * Pictures of descriptor maps: their three principal components as red, green and blue, each stretched to the whole
 * range. One pixel for each cell. The components are those of all maps together, so the same colour means the same in
 * every picture.
 *
 * @param maps of one model, one or several
 */
export const principalComponents = (maps: readonly DescriptorMap[]): Raster<3>[] => {
	const channels = maps[0]?.channels ?? 0;
	const means = meansOf(maps, channels);
	const pictures = maps.map(
		(map): Raster<3> => ({
			width: map.width,
			height: map.height,
			channels: 3,
			data: new Uint8Array(cellsOf(map) * 3),
		}),
	);
	for (const [component, axis] of principalAxes(maps, channels, means).entries()) {
		const projections = maps.map((map) => project(map, axis, means));
		const low = Math.min(...projections.map((values) => values.reduce((a, b) => Math.min(a, b))));
		const high = Math.max(...projections.map((values) => values.reduce((a, b) => Math.max(a, b))));
		projections.forEach((values, index) => {
			const pixels = pictures[index]?.data as Uint8Array;
			values.forEach((value, cell) => {
				pixels[cell * 3 + component] = high > low ? Math.round(((value - low) / (high - low)) * 255) : 0;
			});
		});
	}
	return pictures;
};
