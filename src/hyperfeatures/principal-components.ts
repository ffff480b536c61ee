import type { Raster } from '../media/frame.js';
import type { DescriptorMap } from './descriptor-map.js';

const COMPONENTS = 3;
/** Subspace iteration converges by the ratio of neighbouring eigenvalues at each round; a picture needs no more. */
const ROUNDS = 60;

/** Covariance of the cells' descriptors, [C, C]. */
const covarianceOf = ({ data, channels }: DescriptorMap, area: number, means: Float64Array): Float64Array => {
	const covariance = new Float64Array(channels * channels);
	for (let a = 0; a < channels; a++) {
		for (let b = a; b < channels; b++) {
			let sum = 0;
			for (let cell = 0; cell < area; cell++) {
				sum += (data[a * area + cell] as number) * (data[b * area + cell] as number);
			}
			const value = sum / area - (means[a] as number) * (means[b] as number);
			covariance[a * channels + b] = value;
			covariance[b * channels + a] = value;
		}
	}
	return covariance;
};

const dot = (a: Float64Array, b: Float64Array): number =>
	a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);

/** Makes the vectors orthonormal (Gram-Schmidt), each with its largest entry positive so that colours are stable. */
const orthonormalise = (vectors: readonly Float64Array[]): Float64Array[] => {
	const basis: Float64Array[] = [];
	for (const vector of vectors) {
		let rest = vector;
		for (const axis of basis) {
			const along = dot(rest, axis);
			rest = rest.map((value, i) => value - along * (axis[i] as number));
		}
		const largest = rest.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
		const length = Math.sqrt(dot(rest, rest)) * (largest < 0 ? -1 : 1);
		basis.push(length === 0 ? rest : rest.map((value) => value / length));
	}
	return basis;
};

/**
 * The first three principal components of a map's descriptors, strongest first, each [C] of unit length.
 * Found by subspace iteration from a fixed start, so the result is the same every time.
 */
const principalAxes = (map: DescriptorMap, means: Float64Array): Float64Array[] => {
	const { channels, height, width } = map;
	const covariance = covarianceOf(map, height * width, means);
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

/**
 * A picture of a descriptor map: its three principal components as red, green and blue, each stretched to the
 * whole range. One pixel for each cell.
 */
export const principalComponents = (map: DescriptorMap): Raster<3> => {
	const { channels, height, width, data } = map;
	const area = height * width;
	const means = Float64Array.from({ length: channels }, (_, c) => {
		let sum = 0;
		for (let cell = 0; cell < area; cell++) {
			sum += data[c * area + cell] as number;
		}
		return sum / area;
	});
	const pixels = new Uint8Array(area * 3);
	for (const [component, axis] of principalAxes(map, means).entries()) {
		const projected = new Float64Array(area);
		for (let c = 0; c < channels; c++) {
			for (let cell = 0; cell < area; cell++) {
				projected[cell] =
					(projected[cell] as number) +
					(axis[c] as number) * ((data[c * area + cell] as number) - (means[c] as number));
			}
		}
		const low = projected.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
		const high = projected.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
		projected.forEach((value, cell) => {
			pixels[cell * 3 + component] = high > low ? Math.round(((value - low) / (high - low)) * 255) : 0;
		});
	}
	return { width, height, channels: 3, data: pixels };
};
