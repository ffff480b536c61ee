import type { Raster } from '../core/frame.js';
import { linearLight } from '../core/light.js';

/**
 * An OpenEXR file as compositing programs expect one: half floats in linear light, colours multiplied by alpha, the channels
 * R, G, B and A, sixteen lines compressed together (ZIP). It names no primaries, so the format's own hold: those of Rec. 709.
 *
 * @param image sRGB with straight alpha
 */
export const encodeExr = async (image: Raster<4>): Promise<Uint8Array> => {
	const { width, height, data } = image;
	const { encodeRgbaExr, init } = await import('exrs');
	await init();
	const pixels = new Float32Array(width * height * 4);
	for (let at = 0; at < pixels.length; at += 4) {
		const opacity = (data[at + 3] as number) / 255;
		if (opacity > 0) {
			pixels[at] = linearLight.fromByte(data[at] as number) * opacity;
			pixels[at + 1] = linearLight.fromByte(data[at + 1] as number) * opacity;
			pixels[at + 2] = linearLight.fromByte(data[at + 2] as number) * opacity;
			pixels[at + 3] = opacity;
		}
	}
	return encodeRgbaExr({
		...{ width, height, interleavedRgbaPixels: pixels },
		...{ precision: 'f16', compression: 'zip16' },
	});
};
