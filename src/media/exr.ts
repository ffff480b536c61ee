import type { Raster } from '../core/frame.js';
import { linearLight } from '../core/light.js';

/**
 * An OpenEXR file as compositing programs expect one: half floats in linear light, colours multiplied by alpha, the channels
 * R, G, B and A, sixteen lines compressed together (ZIP). It names no primaries, so the format's own hold: those of Rec. 709.
 *
 * @param image sRGB with straight alpha
 * @param alpha [height * width] 0..65535; opaque without it
 */
export const encodeExr = async (image: Raster<3>, alpha?: Uint16Array): Promise<Uint8Array> => {
	const { width, height, data } = image;
	const { encodeRgbaExr, init } = await import('exrs');
	await init();
	const pixels = new Float32Array(width * height * 4);
	for (let pixel = 0; pixel < width * height; pixel++) {
		const opacity = (alpha?.[pixel] ?? 65535) / 65535;
		if (opacity > 0) {
			const [from, to] = [pixel * 3, pixel * 4];
			pixels[to] = linearLight.fromByte(data[from]!) * opacity;
			pixels[to + 1] = linearLight.fromByte(data[from + 1]!) * opacity;
			pixels[to + 2] = linearLight.fromByte(data[from + 2]!) * opacity;
			pixels[to + 3] = opacity;
		}
	}
	return encodeRgbaExr({
		...{ width, height, interleavedRgbaPixels: pixels },
		...{ precision: 'f16', compression: 'zip16' },
	});
};
