import type { Raster } from '../../core/frame.js';
import { bytesAt, floatsAt, intsAt, type Kernels, openKernels } from '../../kernels/kernels.js';
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

/** Kernels with tables for blocks of one size. */
type Workspace = {
	readonly kernels: Kernels;
	readonly factor: number;
	readonly linear: number;
	readonly curve: number;
	/** Where the memory begins that is filled anew for every image. */
	readonly image: number;
};

/** The frames of a clip have one size. */
let latest: Workspace | undefined;

const openedFor = (factor: number): Workspace => {
	if (latest?.factor !== factor) {
		const kernels = openKernels();
		// By the sum of a block's bytes, so that the kernel needs no division.
		const area = factor * factor;
		const linearFromSum = Float32Array.from(
			{ length: 255 * area + 1 },
			(_, sum) => linearFromByte[Math.floor((2 * sum + area) / (2 * area))]!,
		);
		const [linear, curve] = [linearFromSum, labCurve].map((table) => {
			const address = kernels.allocate(table.byteLength);
			floatsAt(kernels, address, table.length).set(table);
			return address;
		}) as [number, number];
		latest = { kernels, factor, linear, curve, image: kernels.allocate(0) };
	}
	return latest;
};

/**
 * Converts an image after averaging blocks of `factor` x `factor` pixels; rows and columns left over at the end are dropped. What comes
 * out is valid until the next image is converted.
 *
 * @param wanted the blocks to be converted; the others are 0; all when omitted
 */
export const labImage = (image: Raster<3>, factor: number, wanted?: PixelRuns): LabImage => {
	const width = Math.floor(image.width / factor);
	const height = Math.floor(image.height / factor);
	const area = width * height;
	const list = wanted ?? allRuns({ width, height });
	const { kernels, linear, curve, image: start } = openedFor(factor);
	kernels.free(start);
	const pixels = kernels.allocate(image.data.length);
	const runs = kernels.allocate(list.byteLength);
	const planes = kernels.allocate(3 * 4 * area);
	bytesAt(kernels, pixels, image.data.length).set(image.data);
	intsAt(kernels, runs, list.length).set(list);
	const converted = floatsAt(kernels, planes, 3 * area).fill(0);
	kernels.convertToLab(
		pixels,
		3 * image.width,
		factor,
		runs,
		runs + list.byteLength,
		width,
		linear,
		curve,
		planes,
		4 * area,
	);
	const plane = (number: number) => converted.subarray(number * area, (number + 1) * area);
	return { width, height, l: plane(0), a: plane(1), b: plane(2) };
};
