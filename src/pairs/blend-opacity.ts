import type { BackwardFlow } from '../core/backward-flow.js';

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
