import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { resizeBilinear } from '../../src/core/bilinear.js';
import type { DescriptorMap } from '../../src/core/descriptor-map.js';

/** Maps of one shape, added up. */
export const added = (maps: readonly DescriptorMap[]): DescriptorMap => {
	const [first, ...others] = maps as [DescriptorMap, ...DescriptorMap[]];
	const data = first.data.slice();
	for (const { data: other } of others) {
		for (let i = 0; i < data.length; i++) {
			data[i]! += other[i]!;
		}
	}
	return { ...first, data };
};

/** Maps on one grid, one after the other; each is resized bilinearly, as the product's recipes do. */
export const concatenated = (
	maps: readonly DescriptorMap[],
	{ height, width }: { readonly height: number; readonly width: number },
): DescriptorMap => {
	const channels = maps.reduce((sum, map) => sum + map.channels, 0);
	const data = new Float32Array(channels * height * width);
	let offset = 0;
	for (const map of maps) {
		const resized = resizeBilinear(map.data, map.channels, map.height, map.width, height, width);
		data.set(resized, offset);
		offset += resized.length;
	}
	return { channels, height, width, data };
};

/** Means of 2 x 2 cells; sides must be even. */
export const halved = (map: DescriptorMap): DescriptorMap => {
	const [height, width] = [map.height / 2, map.width / 2];
	const data = new Float32Array(map.channels * height * width);
	for (let c = 0, at = 0; c < map.channels; c++) {
		for (let y = 0; y < height; y++) {
			for (let x = 0; x < width; x++) {
				const corner = (c * map.height + 2 * y) * map.width + 2 * x;
				let sum = 0;
				for (const cell of [corner, corner + 1, corner + map.width, corner + map.width + 1]) {
					sum += map.data[cell]!;
				}
				data[at++] = sum / 4;
			}
		}
	}
	return { channels: map.channels, height, width, data };
};

/** [kept][channels], orthonormal. */
export type Axes = readonly Float64Array[];

/**
 * The strongest axes of a map's normalised descriptors. Not centred, for what is to be kept are cosines of the
 * descriptors themselves.
 */
export const strongestAxes = ({ channels, height, width, data }: DescriptorMap, kept: number): Axes => {
	const cells = height * width;
	const normalised = new Float64Array(channels * cells);
	for (let cell = 0; cell < cells; cell++) {
		let square = 0;
		for (let c = 0; c < channels; c++) {
			square += data[c * cells + cell]! ** 2;
		}
		const length = Math.sqrt(square) || 1;
		for (let c = 0; c < channels; c++) {
			normalised[c * cells + cell] = data[c * cells + cell]! / length;
		}
	}
	const moments = Matrix.zeros(channels, channels);
	for (let a = 0; a < channels; a++) {
		for (let b = a; b < channels; b++) {
			let sum = 0;
			for (let cell = 0; cell < cells; cell++) {
				sum += normalised[a * cells + cell]! * normalised[b * cells + cell]!;
			}
			moments.set(a, b, sum);
			moments.set(b, a, sum);
		}
	}
	const { eigenvectorMatrix, realEigenvalues } = new EigenvalueDecomposition(moments, {
		assumeSymmetric: true,
	});
	const order = realEigenvalues.map((_, i) => i);
	order.sort((a, b) => realEigenvalues[b]! - realEigenvalues[a]!);
	return order.slice(0, kept).map((i) => Float64Array.from(eigenvectorMatrix.getColumn(i)));
};

export const projected = ({ channels, height, width, data }: DescriptorMap, axes: Axes): DescriptorMap => {
	const cells = height * width;
	const out = new Float32Array(axes.length * cells);
	for (const [k, axis] of axes.entries()) {
		const target = out.subarray(k * cells, (k + 1) * cells);
		for (let c = 0; c < channels; c++) {
			const weight = axis[c]!;
			for (let cell = 0; cell < cells; cell++) {
				target[cell]! += weight * data[c * cells + cell]!;
			}
		}
	}
	return { channels: axes.length, height, width, data: out };
};
