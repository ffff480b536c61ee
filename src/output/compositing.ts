import type { LabelMap, Raster } from '../core/frame.js';
import type { FrameResult } from './video-sink.js';

/** A hard matte: white where any object is. */
export const matteOf = (labels: LabelMap): Raster<1> => ({
	width: labels.width,
	height: labels.height,
	channels: 1,
	data: labels.ids.map((id) => (id > 0 ? 255 : 0)),
});

/** The picture with an alpha channel. `premultiplied` scales the colours by alpha, as some programs expect. */
export const withAlpha = (image: Raster<3>, alpha: Raster<1>, premultiplied: boolean): Raster<4> => {
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

/** A picture without transparency. */
export const opaque = (image: Raster<3>): Raster<4> =>
	withAlpha(
		image,
		{ ...image, channels: 1, data: new Uint8Array(image.width * image.height).fill(255) },
		false,
	);

/** White, as opaque as a matte is light. */
export const whiteWhere = (matte: Raster<1>): Raster<4> => {
	const { width, height } = matte;
	const data = new Uint8Array(width * height * 4).fill(255);
	for (let pixel = 0; pixel < width * height; pixel++) {
		data[pixel * 4 + 3] = matte.data[pixel] as number;
	}
	return { width, height, channels: 4, data };
};

/** The matte of all objects of a frame. */
export const frameMatte = ({ labels, mattes }: FrameResult): Raster<1> => mattes?.all ?? matteOf(labels);

/** The frame, edited where it is, in the colours that its objects have by themselves. */
export const objectColours = ({ frame, edited, mattes }: FrameResult): Raster<3> => {
	const picture = edited ?? frame.image;
	return mattes?.coloursOf(picture) ?? picture;
};

/** The frame, edited where it is, with everything but the objects transparent. */
export const cutOut = (result: FrameResult, premultiplied: boolean): Raster<4> =>
	withAlpha(objectColours(result), frameMatte(result), premultiplied);

/** Grey levels of a background at a pixel. */
export type Background = (x: number, y: number) => readonly [number, number, number];

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
