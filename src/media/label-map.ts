import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import type { DecodedPng } from 'fast-png';
import { firstLineOf, UserError } from '../core/errors.js';
import type { LabelMap } from '../core/frame.js';
import { readGivenFile } from '../core/given-file.js';
import { cellsOfPixels, type Size } from '../core/size.js';
import { orExplain } from './image.js';
import { imageFormatOf, MOST_PIXELS, notAnImage, pngChunks, pngSignature } from './image-file.js';
import { type MaskMeaning, type MaskPixels, type MaskType, Unclear } from './mask-meaning/meaning.js';
import { understandMask } from './mask-meaning/understand-mask.js';
import { loadSharp } from './sharp.js';

export type ReadMaskOptions = {
	/** What the mask is; found out when omitted. See {@link understandMask}. */
	readonly type?: MaskType | undefined;
	/**
	 * The clip's size, which it must have, checked before it is unpacked. A mask made on pixels that are not square, as other programs
	 * take frames out of a clip, has the size that is stored, and is stretched.
	 */
	readonly size?: ClipSize | undefined;
};

type ClipSize = Size & { readonly stored?: Size | undefined };

/** As {@link readMask}, without what was understood. */
export const readLabelMap = async (path: string, options?: ReadMaskOptions): Promise<LabelMap> => {
	const { width, height, ids, palette } = await readMask(path, options);
	return { width, height, ids, palette };
};

/**
 * Reads a mask as its maker meant it: object ids with their palette, black and white, colours, or what is opaque. Any image
 * format will do, but only lossless ones are exact.
 *
 * @throws UserError when the file is not an image, looks like a picture, is of another size, or can be understood in two ways
 */
export const readMask = async (path: string, options: ReadMaskOptions = {}): Promise<MaskMeaning> => {
	const bytes = await readGivenFile(path, `The mask "${path}"`);
	const pixels =
		imageFormatOf(bytes.subarray(0, 64)) === 'png'
			? await readPng(path, bytes, options.size)
			: await readOther(path, bytes, options.size);
	const meaning = understandMask(pixels, options.type);
	if (meaning instanceof Unclear) {
		throw new UserError(`The mask "${path}" ${meaning.reason}; ${meaning.advice} (docs/first-mask.md).`);
	}
	return options.size === undefined ? meaning : stretched(meaning, options.size);
};

/** A mask of the stored size as it is displayed; each pixel is what its centre falls on. */
const stretched = (mask: MaskMeaning, { width, height }: Size): MaskMeaning => {
	if (mask.width === width && mask.height === height) {
		return mask;
	}
	const ids = new Uint8Array(width * height);
	const [columns, rows] = [cellsOfPixels(width, mask.width), cellsOfPixels(height, mask.height)];
	for (let y = 0; y < height; y++) {
		const row = rows[y]! * mask.width;
		for (let x = 0; x < width; x++) {
			ids[y * width + x] = mask.ids[row + columns[x]!]!;
		}
	}
	const remarks = [
		mask.remark,
		`stretched from ${mask.width}×${mask.height}, as the clip's pixels are not square`,
	];
	return { ...mask, width, height, ids, remark: remarks.filter(Boolean).join('; ') };
};

/**
 * Checks that a mask belongs to a clip and marks something.
 *
 * @throws UserError when the size differs or no pixel belongs to an object.
 */
export const requireUsableMask = (path: string, mask: LabelMap, clip: Size): void => {
	requireSize(path, mask, clip);
	if (mask.ids.every((id) => id === 0)) {
		throw new UserError(
			`The mask "${path}" is empty: no pixel belongs to an object; paint the object in it (docs/first-mask.md).`,
		);
	}
};

const requireSize = (path: string, mask: Size, clip: ClipSize | undefined): void => {
	if (mask.width * mask.height > MOST_PIXELS) {
		throw new UserError(`The mask "${path}" is too large; give one of the clip's size.`);
	}
	const isOf = (size: Size | undefined): boolean => mask.width === size?.width && mask.height === size.height;
	if (clip !== undefined && !isOf(clip) && !isOf(clip.stored)) {
		throw new UserError(
			`The mask "${path}" is ${mask.width}×${mask.height}, but the clip is ${clip.width}×${clip.height}; make the mask on the picture that "propagate frame" writes.`,
		);
	}
};

// PNG

/** What says something about pixels; texts, profiles and the like stay out of the decoders. */
const neededChunks = new Set(['IHDR', 'PLTE', 'tRNS', 'eXIf', 'IDAT', 'IEND']);

const readPng = async (path: string, bytes: Buffer, size: ClipSize | undefined): Promise<MaskPixels> => {
	const damaged = (reason: string) =>
		new UserError(`The mask "${path}" is a damaged PNG (${reason}); save it again.`);
	try {
		const chunks = pngChunks(bytes).filter(({ type }) => neededChunks.has(type));
		const [first] = chunks;
		if (first?.type !== 'IHDR' || first.data.length !== 13) {
			throw damaged('it has no header');
		}
		const header = headerOf(first.data);
		const orientation = await orientationOf(chunks);
		requireSize(path, orientation >= 5 ? { width: header.height, height: header.width } : header, size);
		if (header.depth < 8 && header.isInterlaced) {
			// fast-png 8.0 misreads this combination.
			throw new UserError(
				`The mask "${path}" is an interlaced PNG with less than 8 bits a pixel; save it without interlacing.`,
			);
		}
		const clean = Buffer.concat([
			pngSignature,
			...chunks.filter(({ type }) => type !== 'eXIf').map(({ whole }) => whole),
		]);
		const isPlain =
			header.depth === 8 && plainTypes.has(header.colourType) && !chunks.some(({ type }) => type === 'tRNS');
		const pixels = isPlain
			? await decodePlain(clean, header.colourType === GREY)
			: await decodeAny(clean, header, chunks);
		return oriented(pixels, orientation);
	} catch (error) {
		throw error instanceof UserError ? error : damaged(firstLineOf(error));
	}
};

/** Colour types of a PNG. */
const GREY = 0;
const COLOUR = 2;
const COLOUR_WITH_ALPHA = 6;
const plainTypes: ReadonlySet<number> = new Set([GREY, COLOUR, COLOUR_WITH_ALPHA]);

type Header = Size & {
	readonly depth: number;
	readonly colourType: number;
	readonly isInterlaced: boolean;
};

const headerOf = (data: Buffer): Header => ({
	width: data.readUInt32BE(0),
	height: data.readUInt32BE(4),
	depth: data[8] ?? 0,
	colourType: data[9] ?? 0,
	isInterlaced: data[12] === 1,
});

type Chunks = ReturnType<typeof pngChunks>;

/** As programs that show pictures turn it: EXIF's number, 1 when there is none. */
const orientationOf = async (chunks: Chunks): Promise<number> => {
	if (!chunks.some(({ type }) => type === 'eXIf')) {
		return 1;
	}
	const picture = Buffer.concat([pngSignature, ...chunks.map(({ whole }) => whole)]);
	return (await loadSharp()(picture, { limitInputPixels: MOST_PIXELS }).metadata()).orientation ?? 1;
};

/** By sharp, which takes a quarter of the time: exactly the file's numbers, as no colour profile is left in it. */
const decodePlain = async (bytes: Buffer, isGrey: boolean): Promise<MaskPixels> => {
	const image = loadSharp()(bytes, { limitInputPixels: MOST_PIXELS });
	const { data, info } = await (isGrey ? image.toColourspace('b-w') : image)
		.raw()
		.toBuffer({ resolveWithObject: true });
	return ofChannels({ ...info, data: new Uint8Array(data), white: 255, isLossy: false });
};

const inflateInThreadPool = promisify(inflate);

/** By fast-png, which also gives the indices and the palette of an indexed PNG. */
const decodeAny = async (bytes: Buffer, header: Header, chunks: Chunks): Promise<MaskPixels> => {
	const channels = [1, 0, 3, 1, 2, 0, 4][header.colourType] ?? 4;
	const row = Math.ceil((header.width * channels * header.depth) / 8);
	// fast-png inflates whatever there is; an interlaced picture has some bytes more.
	const inflated = await inflateInThreadPool(
		Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data)),
		{ maxOutputLength: Math.max((header.height + 16) * (row + 16) * 2, 1024) },
	);
	if (inflated.length < header.height * row) {
		throw new RangeError('it holds less than its size');
	}
	const { decode } = await import('fast-png');
	const png = decode(bytes, { checkCrc: true });
	const { width, height } = png;
	const samples = unpacked(png);
	if (png.palette !== undefined) {
		return {
			...{ kind: 'indices', width, height, isLossy: false },
			indices: new Uint8Array(samples),
			palette: Uint8Array.from(png.palette.flatMap((rgba) => rgba.slice(0, 3))),
			opacity: Uint8Array.from(chunks.find(({ type }) => type === 'tRNS')?.data ?? []),
		};
	}
	const white = 2 ** png.depth - 1;
	return ofChannels({
		...{ width, height, channels: png.channels, data: samples, white, isLossy: false },
		transparent: png.transparency,
	});
};

type Samples = Uint8Array | Uint16Array;

/** One sample an element; fast-png leaves samples of 1, 2 and 4 bits packed in bytes, each row from a new byte. */
const unpacked = ({ data, depth, width, height, channels }: DecodedPng): Samples => {
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

// Other formats

const readOther = async (path: string, bytes: Buffer, size: ClipSize | undefined): Promise<MaskPixels> => {
	const format = imageFormatOf(bytes.subarray(0, 64));
	if (format === undefined) {
		throw notAnImage(path, bytes.subarray(0, 64));
	}
	return orExplain(path, async () => {
		const image = loadSharp()(bytes, { limitInputPixels: MOST_PIXELS, ignoreIcc: true });
		const { autoOrient, depth, channels } = await image.metadata();
		requireSize(path, autoOrient, size);
		const isDeepGrey = depth === 'ushort' && channels === 1;
		const { data, info } = await (isDeepGrey
			? image.autoOrient().toColourspace('grey16').raw({ depth: 'ushort' })
			: image.autoOrient().toColourspace('srgb').raw({ depth: 'uchar' })
		).toBuffer({ resolveWithObject: true });
		return ofChannels({
			...{ width: info.width, height: info.height, channels: info.channels },
			data: isDeepGrey ? new Uint16Array(new Uint8Array(data).buffer) : new Uint8Array(data),
			white: isDeepGrey ? 65535 : 255,
			isLossy:
				format === 'jpeg' ||
				format === 'heif' ||
				(format === 'webp' && !bytes.subarray(0, 4096).includes('VP8L')),
		});
	});
};

// Samples

type Channels = Size & {
	readonly channels: number;
	readonly data: Samples;
	readonly white: number;
	readonly isLossy: boolean;
	/** The grey or colour that stands for transparent. */
	readonly transparent?: ArrayLike<number> | undefined;
};

const ofChannels = (image: Channels): MaskPixels => {
	const { width, height, channels, data, white, isLossy, transparent } = image;
	const pick = (...wanted: number[]): Samples => pickChannels(data, channels, wanted);
	const hasAlpha = channels === 2 || channels === 4;
	const colours = channels - (hasAlpha ? 1 : 0);
	const isShown = (pixel: number): boolean => {
		for (let channel = 0; channel < colours; channel++) {
			if (data[pixel * channels + channel] !== transparent?.[channel]) {
				return true;
			}
		}
		return false;
	};
	const alpha =
		transparent !== undefined && transparent.length > 0
			? Uint8Array.from({ length: width * height }, (_, pixel) => (isShown(pixel) ? 255 : 0))
			: hasAlpha
				? toEightBits(pick(channels - 1), white)
				: undefined;
	const basis = { width, height, isLossy, alpha };
	return colours === 1
		? { ...basis, kind: 'grey', values: pick(0), white }
		: { ...basis, kind: 'colours', rgb: toEightBits(pick(0, 1, 2), white) };
};

const pickChannels = (samples: Samples, channels: number, wanted: readonly number[]): Samples => {
	if (channels === wanted.length) {
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

const toEightBits = (samples: Samples, white: number): Uint8Array =>
	samples instanceof Uint8Array && white === 255
		? samples
		: Uint8Array.from(samples, (value) => Math.round((value * 255) / white));

/** Turned upright, as EXIF's orientation says. */
const oriented = (mask: MaskPixels, orientation: number): MaskPixels => {
	if (orientation <= 1 || orientation > 8) {
		return mask;
	}
	const { width, height } = mask;
	const isTurned = orientation >= 5;
	const size = isTurned ? { width: height, height: width } : { width, height };
	const from = Uint32Array.from({ length: width * height }, (_, at) => {
		const [u, v] = [at % size.width, Math.floor(at / size.width)];
		const [a, b] = isTurned ? [v, u] : [u, v];
		const x = [2, 3, 7, 8].includes(orientation) ? width - 1 - a : a;
		const y = [3, 4, 6, 7].includes(orientation) ? height - 1 - b : b;
		return y * width + x;
	});
	const bytes = (samples: Uint8Array, channels: number): Uint8Array =>
		Uint8Array.from({ length: samples.length }, (_, at) => {
			return samples[(from[Math.floor(at / channels)] ?? 0) * channels + (at % channels)] ?? 0;
		});
	const alpha = mask.alpha && bytes(mask.alpha, 1);
	switch (mask.kind) {
		case 'grey': {
			const { values } = mask;
			const turned =
				values instanceof Uint8Array ? bytes(values, 1) : Uint16Array.from(from, (at) => values[at] ?? 0);
			return { ...mask, ...size, alpha, values: turned };
		}
		case 'colours':
			return { ...mask, ...size, alpha, rgb: bytes(mask.rgb, 3) };
		case 'indices':
			return { ...mask, ...size, alpha, indices: bytes(mask.indices, 1) };
	}
};
