import type { Raster } from './frame.js';
import type { Size } from './size.js';

/** Colours of the four corners; any two places differ, and neighbours hardly do. */
const CORNERS = {
	topLeft: [255, 214, 64],
	topRight: [233, 62, 58],
	bottomLeft: [46, 178, 92],
	bottomRight: [72, 84, 214],
} as const;

/**
 * A reference colour map (paper, figure 12): every place of an image, or of what its mask marks, has a colour of its
 * own, so that a warped map shows where everything came from.
 *
 * @param mask [H * W] 1 inside: the map spans the box around it
 */
export const referenceColours = (size: Size, mask?: Uint8Array): Raster<4> => {
	const box = mask === undefined ? wholeOf(size) : boxOf(mask, size);
	const data = new Uint8Array(size.width * size.height * 4);
	for (let y = 0; y < size.height; y++) {
		const down = share(y, box.top, box.bottom);
		for (let x = 0; x < size.width; x++) {
			const across = share(x, box.left, box.right);
			const at = (y * size.width + x) * 4;
			for (let channel = 0; channel < 3; channel++) {
				const top = mix(CORNERS.topLeft[channel] ?? 0, CORNERS.topRight[channel] ?? 0, across);
				const bottom = mix(CORNERS.bottomLeft[channel] ?? 0, CORNERS.bottomRight[channel] ?? 0, across);
				data[at + channel] = Math.round(mix(top, bottom, down));
			}
			data[at + 3] = mask?.[y * size.width + x] === 0 ? 0 : 255;
		}
	}
	return { ...size, channels: 4, data };
};

type Box = { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };

const wholeOf = ({ width, height }: Size): Box => ({ left: 0, top: 0, right: width - 1, bottom: height - 1 });

const boxOf = (mask: Uint8Array, { width, height }: Size): Box => {
	let box = { left: width, top: height, right: 0, bottom: 0 };
	mask.forEach((inside, pixel) => {
		if (inside !== 0) {
			const [x, y] = [pixel % width, Math.floor(pixel / width)];
			box = {
				left: Math.min(box.left, x),
				top: Math.min(box.top, y),
				right: Math.max(box.right, x),
				bottom: Math.max(box.bottom, y),
			};
		}
	});
	return box;
};

const share = (position: number, low: number, high: number): number =>
	Math.min(Math.max((position - low) / Math.max(high - low, 1), 0), 1);

const mix = (a: number, b: number, t: number): number => a + (b - a) * t;
