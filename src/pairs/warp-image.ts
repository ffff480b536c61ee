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

/** Matches below this confidence are not shown, those above the second fully. */
const HIDDEN = 0.2;
const SHOWN = 0.6;

/**
 * How much of a warp shows when it is put on the target: inside the target's mask all of it, with the mask's edge
 * softened by a pixel; without a mask what is matched with confidence.
 *
 * @param mask [H * W] 1 inside
 * @returns [H * W] 0..1
 */
export const blendOpacity = (flow: BackwardFlow, mask: Uint8Array | undefined): Float32Array =>
	mask === undefined
		? flow.confidence.map((value) => smoothStep((value - HIDDEN) / (SHOWN - HIDDEN)))
		: softEdged(mask, flow.width, flow.height);

const smoothStep = (value: number): number => {
	const x = Math.min(Math.max(value, 0), 1);
	return x * x * (3 - 2 * x);
};

/** The mean of a mask over each pixel's neighbourhood, but nothing outside the mask, where nothing was matched. */
const softEdged = (mask: Uint8Array, width: number, height: number): Float32Array => {
	const opacity = new Float32Array(width * height);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			if (mask[y * width + x] === 0) {
				continue;
			}
			let [inside, all] = [0, 0];
			for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
				for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
					inside += mask[ny * width + nx]!;
					all++;
				}
			}
			opacity[y * width + x] = inside / all;
		}
	}
	return opacity;
};
