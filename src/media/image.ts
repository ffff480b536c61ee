import { stat } from 'node:fs/promises';
import type { Sharp } from 'sharp';
import { writeFileAtomically } from '../core/atomic-file.js';
import { firstLineOf, messageOf, UserError } from '../core/errors.js';
import type { Raster } from '../core/frame.js';
import type { Size } from '../core/size.js';
import { MOST_PIXELS, requireImageFile } from './image-file.js';
import { loadSharp } from './sharp.js';

/**
 * Reads a still image upright (EXIF orientation applied) as sRGB.
 *
 * @throws UserError when the file is missing or not an image.
 */
export const readImage = async (path: string): Promise<Raster<3>> => {
	const { data, info } = await pixelsOf(path, (image) => image.removeAlpha());
	return { width: info.width, height: info.height, channels: 3, data };
};

/** As {@link readImage}, with straight alpha; opaque when the image has none. */
export const readImageWithAlpha = async (path: string): Promise<Raster<4>> => {
	const { data, info } = await pixelsOf(path, (image) => image.ensureAlpha());
	return { width: info.width, height: info.height, channels: 4, data };
};

/** Size of a still image as displayed, from its header. */
export const imageSize = async (path: string): Promise<{ width: number; height: number }> => {
	const { autoOrient } = await orExplain(path, async () => {
		await requireImageFile(path);
		return loadSharp()(path, limits).metadata();
	});
	return { width: autoOrient.width, height: autoOrient.height };
};

/**
 * Writes an image; the format follows the file's extension (`.png`, `.jpg`, `.webp`, `.tiff`). The file appears under
 * its name only when it is complete.
 *
 * @throws UserError for another extension, or when the place cannot be written.
 */
export const writeImage = async (path: string, image: Raster): Promise<void> =>
	writeFileAtomically(path, await encodeImage(imageExtension(path), image));

/** @param extension as {@link writeImage} takes it, without its dot and in lower case */
export const encodeImage = (extension: string, image: Raster): Promise<Buffer> => {
	const { data, width, height, channels } = image;
	const sharp = loadSharp();
	const pixels = sharp(data, { raw: { width, height, channels } });
	const oneChannel = channels === 1 ? pixels.toColourspace('b-w') : pixels;
	const encoded = extension.startsWith('jp')
		? oneChannel.jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
		: extension === 'png'
			? oneChannel.png()
			: extension === 'webp'
				? oneChannel.webp({ lossless: true })
				: oneChannel.tiff({ compression: 'deflate' });
	return encoded.toBuffer();
};

/**
 * A PNG of 16 bits a channel.
 *
 * @param alpha [height * width] 0..65535
 * @param premultiplied whether its colours are multiplied by alpha, which 16 bits can undo without loss
 */
export const encodeDeepPng = (
	{ width, height, data }: Raster<3>,
	alpha: Uint16Array,
	premultiplied: boolean,
): Promise<Buffer> => {
	const pixels = new Uint16Array(width * height * 4);
	for (let pixel = 0; pixel < alpha.length; pixel++) {
		const opacity = alpha[pixel]!;
		const share = premultiplied ? opacity / 65535 : 1;
		for (let channel = 0; channel < 3; channel++) {
			pixels[pixel * 4 + channel] = Math.round(data[pixel * 3 + channel]! * 257 * share);
		}
		pixels[pixel * 4 + 3] = opacity;
	}
	return loadSharp()(pixels, { raw: { width, height, channels: 4 } })
		.toColourspace('rgb16')
		.png()
		.toBuffer();
};

/** A grey PNG of 16 bits. @param values `height * width` of them */
export const encodeDeepGreyPng = ({ width, height }: Size, values: Uint16Array): Promise<Buffer> =>
	loadSharp()(values, { raw: { width, height, channels: 1 } })
		.toColourspace('grey16')
		.png()
		.toBuffer();

/**
 * Checks an output's name before the work that leads to it.
 *
 * @throws UserError when {@link writeImage} would not know the format
 */
export const requireImageName = (path: string | undefined): void => {
	if (path !== undefined) {
		imageExtension(path);
	}
};

const imageExtension = (path: string): string => {
	const extension = /\.(png|jpe?g|webp|tiff?)$/i.exec(path)?.[1]?.toLowerCase();
	if (extension === undefined) {
		throw new UserError(`"${path}" is not a name for an image; end it in .png, .jpg, .webp or .tiff.`);
	}
	return extension;
};

const pixelsOf = (path: string, channels: (image: Sharp) => Sharp) =>
	orExplain(path, async () => {
		await requireImageFile(path);
		return channels(loadSharp()(path, limits).autoOrient().toColourspace('srgb'))
			.raw({ depth: 'uchar' })
			.toBuffer({ resolveWithObject: true });
	});

const limits = { limitInputPixels: MOST_PIXELS };

/** Runs a sharp operation on a file and turns its failure into a sentence about the file. */
export const orExplain = async <Result>(path: string, operation: () => Promise<Result>): Promise<Result> => {
	try {
		return await operation();
	} catch (error) {
		throw error instanceof UserError ? error : await imageFailure(path, error);
	}
};

const imageFailure = async (path: string, error: unknown): Promise<UserError> => {
	const stats = await stat(path).catch(() => undefined);
	if (!stats) {
		return new UserError(`"${path}" does not exist; check the path.`);
	}
	if (stats.isDirectory()) {
		return new UserError(`"${path}" is a folder; give an image file.`);
	}
	if (/unsupported image format/i.test(messageOf(error))) {
		return new UserError(`"${path}" is not an image that can be read; give a PNG, JPEG, WebP or TIFF file.`);
	}
	return new UserError(`"${path}" cannot be read as an image (${firstLineOf(error)}); it may be damaged.`);
};
