import type { Raster } from '../media/frame.js';
import { growTo, roundedUp } from '../wasm/module.js';
import { compileLabKernel, type LabKernel } from './lab-kernel.js';
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

const memory = new WebAssembly.Memory({ initial: 1 });
const tables = { linear: 0, curve: 4 * linearFromByte.length, curveSteps: CURVE_STEPS };
/** A vector's alignment behind the tables. */
const IMAGE = roundedUp(tables.curve + 4 * labCurve.length, 16);
new Float32Array(memory.buffer, tables.linear, linearFromByte.length).set(linearFromByte);
new Float32Array(memory.buffer, tables.curve, labCurve.length).set(labCurve);
const kernels = new Map<number, LabKernel>();

const kernelFor = (factor: number): LabKernel => {
	const kernel = kernels.get(factor) ?? compileLabKernel(memory, factor, tables);
	kernels.set(factor, kernel);
	return kernel;
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
	const list = wanted ?? allRuns({ width, height });
	const runs = IMAGE + roundedUp(image.data.length, 16);
	const planes = runs + list.byteLength;
	const area = width * height;
	growTo(memory, planes + 3 * 4 * area);
	new Uint8Array(memory.buffer).set(image.data, IMAGE);
	new Int32Array(memory.buffer, runs, list.length).set(list);
	const converted = new Float32Array(memory.buffer, planes, 3 * area).fill(0);
	kernelFor(factor)(IMAGE, 3 * image.width, runs, planes, width, planes, 4 * area);
	const plane = (number: number) => converted.subarray(number * area, (number + 1) * area);
	return { width, height, l: plane(0), a: plane(1), b: plane(2) };
};
