import type { BackwardFlow } from '../core/backward-flow.js';
import { cornersAt } from '../core/bilinear.js';
import type { Raster } from '../core/frame.js';
import { cellsFromPixels, type Size } from '../core/size.js';
import { pilResize } from '../features/pil-resize.js';

/** How colours are read from the source: its very pixels, or a mean of the four around a position. */
export type Sampling = 'nearest' | 'bilinear';

/**
 * The source's appearance in the target's place (backward warp, paper section 6.7): every target pixel takes the
 * colour at its position in the source.
 *
 * @param source straight alpha
 * @returns the target's size, straight alpha; transparent where nothing was matched
 */
export const warpBackward = (source: Raster<4>, flow: BackwardFlow, sampling: Sampling): Raster<4> => {
	const { width, height, positions } = flow;
	const from = sampling === 'bilinear' ? atScaleOf(source, flow) : source;
	const data = new Uint8Array(width * height * 4);
	for (let pixel = 0; pixel < width * height; pixel++) {
		const x = positions[pixel * 2]!;
		const y = positions[pixel * 2 + 1]!;
		if (Number.isNaN(x)) {
			continue;
		}
		if (sampling === 'nearest') {
			const at = (Math.round(y) * from.width + Math.round(x)) * 4;
			data.set(from.data.subarray(at, at + 4), pixel * 4);
		} else {
			sampleBilinear(
				from,
				cellsFromPixels(x, source.width, from.width),
				cellsFromPixels(y, source.height, from.height),
				data,
				pixel * 4,
			);
		}
	}
	return { width, height, channels: 4, data };
};

/** A source with more pixels than the target is shrunk first, or a mean of four pixels would leave out the others. */
const atScaleOf = (source: Raster<4>, target: Size): Raster<4> => {
	const scale = Math.sqrt((target.width * target.height) / (source.width * source.height));
	return scale >= 1
		? source
		: pilResize(
				source,
				Math.max(1, Math.round(source.width * scale)),
				Math.max(1, Math.round(source.height * scale)),
			);
};

const sampleBilinear = (source: Raster<4>, x: number, y: number, result: Uint8Array, at: number): void => {
	const { data } = source;
	let alpha = 0;
	const colour = [0, 0, 0];
	for (const [pixel, weight] of cornersAt(x, y, source)) {
		const from = pixel * 4;
		const share = weight * data[from + 3]!;
		alpha += share;
		for (let channel = 0; channel < 3; channel++) {
			colour[channel]! += share * data[from + channel]!;
		}
	}
	for (let channel = 0; channel < 3; channel++) {
		// Weighted by alpha, so that the colour of transparent pixels does not bleed into the edge.
		result[at + channel] = alpha === 0 ? 0 : Math.round(colour[channel]! / alpha);
	}
	result[at + 3] = Math.round(alpha);
};

/**
 * A warped layer on the target.
 *
 * @param opacity [H * W] 0..1, how much of the layer shows at each pixel
 */
export const blendOnto = (target: Raster<3>, layer: Raster<4>, opacity: Float32Array): Raster<3> => {
	const data = target.data.slice();
	for (let pixel = 0; pixel < opacity.length; pixel++) {
		const share = (layer.data[pixel * 4 + 3]! / 255) * opacity[pixel]!;
		for (let channel = 0; channel < 3; channel++) {
			const behind = target.data[pixel * 3 + channel]!;
			const front = layer.data[pixel * 4 + channel]!;
			data[pixel * 3 + channel] = Math.round(behind + share * (front - behind));
		}
	}
	return { ...target, data };
};
