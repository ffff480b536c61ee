import type { Raster } from '../media/frame.js';
import { growTo, roundedUp } from '../wasm/module.js';
import {
	type ColumnKernel,
	compileColumnKernel,
	compileRowKernel,
	type RowKernel,
	VECTOR_BYTES,
} from './resize-kernels.js';
import { triangleFilter } from './triangle-filter.js';

const memory = new WebAssembly.Memory({ initial: 1 });
const rowKernels = new Map<number, RowKernel>();
const columnKernels = new Map<string, ColumnKernel>();

/** What has been made for `key`, or what `make` makes. */
const remembered = <Key, Value>(known: Map<Key, Value>, key: Key, make: () => Value): Value => {
	const value = known.get(key) ?? make();
	known.set(key, value);
	return value;
};

const wholeVectors = (bytes: number): number => roundedUp(bytes, VECTOR_BYTES);

/** `pilResize` of RGB images in WebAssembly: [height, width, 3]. */
export const resizeColours = (image: Raster<3>, width: number, height: number): Uint8Array => {
	const across = triangleFilter(image.width, width);
	const down = triangleFilter(image.height, height);
	const pitch = wholeVectors(3 * width);
	// Filters read behind what they are given, with weights of 0, and one byte is written behind a row.
	const behind = wholeVectors(3 * across.taps + VECTOR_BYTES);
	const source = 0;
	const middle = source + wholeVectors(image.data.length) + behind;
	const result = middle + (image.height + down.taps) * pitch + behind;
	const offsets = result + height * pitch;
	const acrossWeights = offsets + 4 * width;
	const downWeights = acrossWeights + across.weights.byteLength;
	growTo(memory, downWeights + down.weights.byteLength);

	const bytes = new Uint8Array(memory.buffer);
	if (image.width === width) {
		for (let y = 0; y < image.height; y++) {
			bytes.set(image.data.subarray(y * 3 * width, (y + 1) * 3 * width), middle + y * pitch);
		}
	} else {
		bytes.set(image.data, source);
		new Int32Array(memory.buffer, offsets, width).set(across.first.map((pixel) => 3 * pixel));
		new Int32Array(memory.buffer, acrossWeights, across.weights.length).set(across.weights);
		const kernel = remembered(rowKernels, across.taps, () => compileRowKernel(across.taps, memory));
		for (let y = 0; y < image.height; y++) {
			kernel(source + y * 3 * image.width, offsets, acrossWeights, acrossWeights, middle + y * pitch);
		}
	}
	if (image.height !== height) {
		new Int32Array(memory.buffer, downWeights, down.weights.length).set(down.weights);
		const kernel = remembered(columnKernels, `${down.taps}:${pitch}`, () =>
			compileColumnKernel(down.taps, pitch, memory),
		);
		for (let y = 0; y < height; y++) {
			const out = result + y * pitch;
			const rows = middle + (down.first[y] as number) * pitch;
			kernel(rows, downWeights + 4 * y * down.taps, out, out + pitch);
		}
	}
	const out = new Uint8Array(3 * width * height);
	const from = image.height === height ? middle : result;
	for (let y = 0; y < height; y++) {
		out.set(bytes.subarray(from + y * pitch, from + y * pitch + 3 * width), y * 3 * width);
	}
	return out;
};
