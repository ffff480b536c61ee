import type { Raster } from '../core/frame.js';
import type { Size } from '../core/size.js';
import { type Matte, matteOf } from '../mattes/mattes.js';
import { OPAQUE } from '../mattes/soft-alpha.js';
import type { FrameResult } from './video-sink.js';

/** The picture with an alpha channel. `premultiplied` scales the colours by alpha, as some programs expect. */
const withAlpha = (image: Raster<3>, alpha: Raster<1>, premultiplied: boolean): Raster<4> => {
	const { width, height } = image;
	const data = new Uint8Array(width * height * 4);
	for (let pixel = 0; pixel < width * height; pixel++) {
		const opacity = alpha.data[pixel] ?? 0;
		const factor = premultiplied ? opacity / 255 : 1;
		for (let channel = 0; channel < 3; channel++) {
			data[pixel * 4 + channel] = Math.round((image.data[pixel * 3 + channel] ?? 0) * factor);
		}
		data[pixel * 4 + 3] = opacity;
	}
	return { width, height, channels: 4, data };
};

/** White everywhere. */
export const white = ({ width, height }: Size): Raster<3> => ({
	...{ width, height },
	channels: 3,
	data: new Uint8Array(width * height * 3).fill(255),
});

/** The matte of all objects of a frame. */
export const frameMatte = ({ labels, mattes }: FrameResult): Matte =>
	mattes?.all ??
	matteOf(
		labels,
		Uint16Array.from(labels.ids, (id) => (id > 0 ? OPAQUE : 0)),
	);

/** The frame, edited where it is, in the colours that its objects have by themselves. */
export const objectColours = ({ frame, edited, mattes }: FrameResult): Raster<3> => {
	const picture = edited ?? frame.image;
	return mattes?.coloursOf(picture) ?? picture;
};

/** The frame, edited where it is, with everything but the objects transparent. */
export const cutOut = (result: FrameResult, premultiplied: boolean): Raster<4> =>
	withAlpha(objectColours(result), frameMatte(result), premultiplied);

/** Grey levels of a background at a pixel. */
type Background = (x: number, y: number) => readonly [number, number, number];

/** The object over another background. */
export const overBackground = (image: Raster<3>, alpha: Raster<1>, background: Background): Raster<3> => {
	const { width, height } = image;
	const data = new Uint8Array(width * height * 3);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const pixel = y * width + x;
			const opacity = (alpha.data[pixel] ?? 0) / 255;
			const behind = background(x, y);
			for (let channel = 0; channel < 3; channel++) {
				const front = image.data[pixel * 3 + channel] ?? 0;
				data[pixel * 3 + channel] = Math.round(front * opacity + (behind[channel] ?? 0) * (1 - opacity));
			}
		}
	}
	return { width, height, channels: 3, data };
};

const lightSquare = [204, 204, 204] as const;
const darkSquare = [153, 153, 153] as const;

/** The grey squares by which image editors show transparency. */
export const checkerboard: Background = (x, y) =>
	((x >> 4) + (y >> 4)) % 2 === 0 ? lightSquare : darkSquare;

const screenGreen = [0, 177, 64] as const;

/** Chroma-key green, as painted on studio walls. */
export const greenScreen: Background = () => screenGreen;
