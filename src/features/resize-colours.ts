import type { Raster } from '../core/frame.js';
import { bytesAt, intsAt, type Kernels, openKernels } from '../kernels/kernels.js';
import { triangleFilter } from './triangle-filter.js';

const VECTOR_BYTES = 16;

/** Kernels, and where their memory begins that is filled anew for every image. */
let workspace: { readonly kernels: Kernels; readonly start: number } | undefined;

const opened = (): Kernels => {
	if (workspace === undefined) {
		const kernels = openKernels();
		workspace = { kernels, start: kernels.allocate(0) };
	}
	workspace.kernels.free(workspace.start);
	return workspace.kernels;
};

/** `pilResize` of RGB images in WebAssembly: [height, width, 3]. */
export const resizeColours = (image: Raster<3>, width: number, height: number): Uint8Array => {
	const kernels = opened();
	const across = triangleFilter(image.width, width);
	const down = triangleFilter(image.height, height);
	const rowBytes = 3 * width;
	const pitch = Math.ceil(rowBytes / VECTOR_BYTES) * VECTOR_BYTES;
	// Filters read behind what they are given, with weights of 0, and one byte is written behind a row.
	const behind = 3 * across.taps + VECTOR_BYTES;
	const source = kernels.allocate(image.data.length + behind);
	const middle = kernels.allocate((image.height + down.taps) * pitch + behind);
	const result = kernels.allocate(height * pitch);
	const offsets = kernels.allocate(4 * width);
	const acrossWeights = kernels.allocate(across.weights.byteLength);
	const downWeights = kernels.allocate(down.weights.byteLength);

	if (image.width === width) {
		for (let y = 0; y < image.height; y++) {
			bytesAt(kernels, middle + y * pitch, rowBytes).set(
				image.data.subarray(y * rowBytes, (y + 1) * rowBytes),
			);
		}
	} else {
		bytesAt(kernels, source, image.data.length).set(image.data);
		intsAt(kernels, offsets, width).set(across.first.map((pixel) => 3 * pixel));
		intsAt(kernels, acrossWeights, across.weights.length).set(across.weights);
		for (let y = 0; y < image.height; y++) {
			const row = source + y * 3 * image.width;
			kernels.filterRow(row, offsets, acrossWeights, across.taps, middle + y * pitch, width);
		}
	}
	if (image.height !== height) {
		intsAt(kernels, downWeights, down.weights.length).set(down.weights);
		for (let y = 0; y < height; y++) {
			const rows = middle + down.first[y]! * pitch;
			const out = result + y * pitch;
			kernels.filterColumns(rows, pitch, downWeights + 4 * y * down.taps, down.taps, out, out + pitch);
		}
	}
	const from = image.height === height ? middle : result;
	const out = new Uint8Array(rowBytes * height);
	for (let y = 0; y < height; y++) {
		out.set(bytesAt(kernels, from + y * pitch, rowBytes), y * rowBytes);
	}
	return out;
};
