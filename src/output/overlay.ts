import type { LabelMap, Raster } from '../core/frame.js';
import { davisPalette } from '../media/davis-palette.js';

/** How strongly an object is tinted; its outline is opaque. */
const tintOpacity = 0.45;

/**
 * The picture with every object tinted and outlined in its palette colour, to judge masks by eye.
 * The outline lies inside the object and grows with the picture, so that it stays visible in large ones.
 */
export const drawOverlay = (image: Raster<3>, labels: LabelMap): Raster<3> => {
	const { width, height } = image;
	const { ids } = labels;
	const colours = overlayColours(labels.palette);
	const outline = Math.max(1, Math.round(Math.min(width, height) / 300));
	const data = Uint8Array.from(image.data);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const pixel = y * width + x;
			const id = ids[pixel] ?? 0;
			if (id === 0) {
				continue;
			}
			const isOutline =
				(x >= outline && ids[pixel - outline] !== id) ||
				(x + outline < width && ids[pixel + outline] !== id) ||
				(y >= outline && ids[pixel - outline * width] !== id) ||
				(y + outline < height && ids[pixel + outline * width] !== id);
			const opacity = isOutline ? 1 : tintOpacity;
			for (let channel = 0; channel < 3; channel++) {
				const at = pixel * 3 + channel;
				data[at] = Math.round((data[at] ?? 0) * (1 - opacity) + (colours[id * 3 + channel] ?? 0) * opacity);
			}
		}
	}
	return { width, height, channels: 3, data };
};

/** The palette's colours, and DAVIS ones for objects that it leaves black or without a colour. */
const overlayColours = (palette: Uint8Array): Uint8Array => {
	const colours = davisPalette.slice();
	for (let at = 3; at + 2 < palette.length; at += 3) {
		const colour = palette.subarray(at, at + 3);
		if (colour.some((value) => value > 0)) {
			colours.set(colour, at);
		}
	}
	return colours;
};
