import { readFile } from 'node:fs/promises';
import type { DecodedPng } from 'fast-png';
import { messageOf, UserError } from '../errors.js';
import type { LabelMap } from './frame.js';
import { readImageWithAlpha } from './image.js';
import {
	type Labels,
	labelsFromAlpha,
	labelsFromColours,
	labelsFromGrey,
	labelsFromIndices,
} from './mask-rules.js';
import { loadSharp } from './sharp.js';

/** As sharp's limit: a PNG of a few bytes can claim to be of any size. */
const mostPixels = 0x3fff * 0x3fff;

/**
 * Reads a mask: an indexed PNG keeps its indices and palette; alpha, colours and greys become ids by the rules of
 * `mask-rules.ts`. Any image format will do, but only PNG is exact.
 *
 * @throws UserError when the file is not an image, looks like a picture, or has more than 255 ids.
 */
export const readLabelMap = async (path: string): Promise<LabelMap> => {
	const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
		throw new UserError(
			error.code === 'ENOENT'
				? `The mask "${path}" does not exist; check the path.`
				: error.code === 'EISDIR'
					? `The mask "${path}" is a folder; give an image file.`
					: `The mask "${path}" cannot be opened (${error.code}); check its permissions.`,
		);
	});
	const isPng = bytes.subarray(0, 4).equals(Buffer.from('\x89PNG', 'latin1'));
	const { width, height, labels } = isPng ? await readPng(path, bytes) : await readOther(path);
	if (typeof labels === 'string') {
		throw new UserError(
			`The mask "${path}" cannot be used: ${labels}; give an indexed PNG, a black-and-white image, or one with alpha.`,
		);
	}
	return { width, height, ...labels };
};

/**
 * Checks that a mask belongs to a clip and marks something.
 *
 * @throws UserError when the size differs or no pixel belongs to an object.
 */
export const requireUsableMask = (
	path: string,
	mask: LabelMap,
	clip: { readonly width: number; readonly height: number },
): void => {
	if (mask.width !== clip.width || mask.height !== clip.height) {
		throw new UserError(
			`The mask "${path}" is ${mask.width}×${mask.height}, but the clip is ${clip.width}×${clip.height}; make the mask on a frame of the clip.`,
		);
	}
	if (mask.ids.every((id) => id === 0)) {
		throw new UserError(
			`The mask "${path}" is empty: no pixel belongs to an object; paint the object in it.`,
		);
	}
};

type Read = { width: number; height: number; labels: Labels | string };

const readPng = async (path: string, bytes: Buffer): Promise<Read> => {
	if (bytes.length >= 24 && bytes.readUInt32BE(16) * bytes.readUInt32BE(20) > mostPixels) {
		throw new UserError(`The mask "${path}" is too large; give one of the clip's size.`);
	}
	// IHDR: bit depth at byte 24, interlace method at byte 28. fast-png 8.0 misreads this combination.
	if ((bytes[24] ?? 8) < 8 && bytes[28] === 1) {
		throw new UserError(
			`The mask "${path}" is an interlaced PNG with less than 8 bits a pixel; save it without interlacing.`,
		);
	}
	const read = isPlain(bytes) ? decodePlain : decodeAny;
	const png = await read(bytes).catch((error: unknown) => {
		const reason = messageOf(error).split('\n')[0];
		throw new UserError(`The mask "${path}" is a damaged PNG (${reason}); save it again.`);
	});
	return { width: png.width, height: png.height, labels: labelsOf(png) };
};

type Pixels = Pick<DecodedPng, 'width' | 'height' | 'depth' | 'channels' | 'data' | 'palette'>;

/** Colour types of a PNG (IHDR, byte 25), of 8 bits a channel. */
const GREY = 0;
const COLOUR = 2;
const COLOUR_WITH_ALPHA = 6;

/** Greys or colours of 8 bits, and none that stands for transparent. */
const isPlain = (bytes: Buffer): boolean =>
	bytes[24] === 8 &&
	[GREY, COLOUR, COLOUR_WITH_ALPHA].includes(bytes[25] ?? -1) &&
	!bytes.includes('tRNS', 0, 'latin1');

/** By sharp, which takes a quarter of the time: exactly the file's numbers, whatever colour profile it names. */
const decodePlain = async (bytes: Buffer): Promise<Pixels> => {
	const sharp = loadSharp();
	const image = sharp(bytes, { ignoreIcc: true });
	const { data, info } = await (bytes[25] === GREY ? image.toColourspace('b-w') : image)
		.raw()
		.toBuffer({ resolveWithObject: true });
	return { ...info, depth: 8, data: new Uint8Array(data) };
};

/** By fast-png, which also gives the indices and the palette of an indexed PNG. */
const decodeAny = async (bytes: Buffer): Promise<Pixels> => {
	const { decode } = await import('fast-png');
	return decode(bytes, { checkCrc: true });
};

const labelsOf = (png: Pixels): Labels | string => {
	const samples = unpacked(png);
	if (png.palette) {
		return labelsFromIndices(
			new Uint8Array(samples),
			Uint8Array.from(png.palette.flatMap((rgba) => rgba.slice(0, 3))),
		);
	}
	const white = 2 ** png.depth - 1;
	const pick = (...channels: number[]) => pickChannels(samples, png.channels, channels);
	if (png.channels === 2 || png.channels === 4) {
		const alpha = toEightBits(pick(png.channels - 1), white);
		if (alpha.some((value) => value < 255)) {
			return labelsFromAlpha(alpha);
		}
	}
	if (png.channels <= 2) {
		return labelsFromGrey(pick(0), white);
	}
	return labelsFromRgb(toEightBits(pick(0, 1, 2), white));
};

const readOther = async (path: string): Promise<Read> => {
	const { width, height, data } = await readImageWithAlpha(path);
	const alpha = toEightBits(pickChannels(data, 4, [3]), 255);
	const labels = alpha.some((value) => value < 255)
		? labelsFromAlpha(alpha)
		: labelsFromRgb(toEightBits(pickChannels(data, 4, [0, 1, 2]), 255));
	return { width, height, labels };
};

/** Grey pictures saved as colour are grey all the same. */
const labelsFromRgb = (rgb: Uint8Array): Labels | string => {
	const red = toEightBits(pickChannels(rgb, 3, [0]), 255);
	const isGrey = red.every((value, pixel) => value === rgb[pixel * 3 + 1] && value === rgb[pixel * 3 + 2]);
	return isGrey ? labelsFromGrey(red, 255) : labelsFromColours(rgb);
};

/** One sample an element; fast-png leaves samples of 1, 2 and 4 bits packed in bytes, each row from a new byte. */
const unpacked = ({ data, depth, width, height, channels }: Pixels): Uint8Array | Uint16Array => {
	if (depth === 16 && data instanceof Uint16Array) {
		return data;
	}
	if (depth >= 8) {
		return new Uint8Array(data);
	}
	const perRow = width * channels;
	const rowBytes = Math.ceil((perRow * depth) / 8);
	const samples = new Uint8Array(perRow * height);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < perRow; x++) {
			const bit = x * depth;
			const byte = data[y * rowBytes + (bit >> 3)] ?? 0;
			samples[y * perRow + x] = (byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
		}
	}
	return samples;
};

const pickChannels = <Samples extends Uint8Array | Uint16Array>(
	samples: Samples,
	channels: number,
	wanted: readonly number[],
): Uint8Array | Uint16Array => {
	if (channels === 1) {
		return samples;
	}
	const count = (samples.length / channels) * wanted.length;
	const picked = samples instanceof Uint16Array ? new Uint16Array(count) : new Uint8Array(count);
	let at = 0;
	for (let pixel = 0; pixel < samples.length; pixel += channels) {
		for (const channel of wanted) {
			picked[at++] = samples[pixel + channel] ?? 0;
		}
	}
	return picked;
};

const toEightBits = (samples: Uint8Array | Uint16Array, white: number): Uint8Array =>
	samples instanceof Uint8Array && white === 255
		? samples
		: Uint8Array.from(samples, (value) => Math.round((value * 255) / white));
