import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { encode } from 'fast-png';
import sharp, { type Sharp } from 'sharp';
import { vocPalette } from '../../src/media/davis-palette.js';
import { temporaryFolder } from './temporary-folder.js';

/** Size of the masks that tests draw. */
export const W = 320;
export const H = 180;

export type Shape = (x: number, y: number) => boolean;
export const disc =
	(cx: number, cy: number, r: number): Shape =>
	(x, y) =>
		(x - cx) ** 2 + (y - cy) ** 2 < r * r;
export const box =
	(left: number, top: number, right: number, bottom: number): Shape =>
	(x, y) =>
		x >= left && x < right && y >= top && y < bottom;

/** [H × W] how much of each pixel a shape covers, 0..1: as vector programs and brushes with smooth edges paint. */
export const coverage = (shape: Shape, samples = 4): Float32Array =>
	Float32Array.from({ length: W * H }, (_, at) => {
		let inside = 0;
		for (let s = 0; s < samples * samples; s++) {
			const [u, v] = [(s % samples) + 0.5, Math.floor(s / samples) + 0.5];
			inside += shape((at % W) + u / samples, Math.floor(at / W) + v / samples) ? 1 : 0;
		}
		return inside / samples ** 2;
	});

/** [H × W] 0 or 1. */
export const inside = (shape: Shape): Uint8Array =>
	Uint8Array.from({ length: W * H }, (_, at) => (shape((at % W) + 0.5, Math.floor(at / W) + 0.5) ? 1 : 0));

/** [H × W] a brush without a hard part: from 1 in its middle to 0 at its rim. */
export const brush = (cx: number, cy: number, r: number): Float32Array =>
	Float32Array.from({ length: W * H }, (_, at) => {
		const d = Math.hypot((at % W) + 0.5 - cx, Math.floor(at / W) + 0.5 - cy) / r;
		return d >= 1 ? 0 : 0.5 + 0.5 * Math.cos(Math.PI * d);
	});

/** Blends colours by coverages over a background; three or four bytes a pixel. */
export const paint = (
	background: readonly number[],
	...layers: readonly (readonly [ArrayLike<number>, readonly number[]])[]
): Uint8Array => {
	const channels = background.length;
	return Uint8Array.from({ length: W * H * channels }, (_, n) => {
		const [at, channel] = [Math.floor(n / channels), n % channels];
		let value = background[channel] ?? 0;
		for (const [cover, colour] of layers) {
			value += ((colour[channel] ?? 0) - value) * (cover[at] ?? 0);
		}
		return Math.round(value);
	});
};

/** Writes samples as a PNG with a library that changes nothing. */
export const writePng = (
	data: Uint8Array | Uint16Array,
	channels: number,
	name = 'mask.png',
	folder = temporaryFolder(),
): string => {
	const path = join(folder, name);
	writeFileSync(
		path,
		encode({ width: W, height: H, channels, depth: data instanceof Uint16Array ? 16 : 8, data }),
	);
	return path;
};

const chunk = (type: string, data: Uint8Array): Buffer => {
	const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
	const whole = Buffer.alloc(body.length + 8);
	whole.writeUInt32BE(data.length, 0);
	body.copy(whole, 4);
	whole.writeUInt32BE(crc32(body), body.length + 4);
	return whole;
};

const crc32 = (bytes: Uint8Array): number => {
	let crc = 0xffffffff;
	for (const byte of bytes) {
		crc ^= byte;
		for (let bit = 0; bit < 8; bit++) {
			crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
		}
	}
	return ~crc >>> 0;
};

/** A PNG put together by hand: any header, any chunks. */
export const rawPng = (
	header: { width: number; height: number; depth: number; colourType: number },
	rows: Uint8Array,
	...chunks: readonly (readonly [string, Uint8Array])[]
): Buffer => {
	const ihdr = Buffer.alloc(13);
	ihdr.writeUInt32BE(header.width, 0);
	ihdr.writeUInt32BE(header.height, 4);
	ihdr.set([header.depth, header.colourType, 0, 0, 0], 8);
	return Buffer.concat([
		Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
		chunk('IHDR', ihdr),
		...chunks.map(([type, data]) => chunk(type, data)),
		chunk('IDAT', deflateSync(rows)),
		chunk('IEND', new Uint8Array(0)),
	]);
};

/** Indices with a palette, and with what is transparent in it, as programs save indexed PNGs. */
export const writeIndexed = (
	indices: Uint8Array,
	palette: readonly number[],
	opacity?: readonly number[],
	name = 'indexed.png',
	folder = temporaryFolder(),
): string => {
	const rows = new Uint8Array(H * (W + 1));
	for (let y = 0; y < H; y++) {
		rows.set(indices.subarray(y * W, (y + 1) * W), y * (W + 1) + 1);
	}
	const path = join(folder, name);
	writeFileSync(
		path,
		rawPng(
			{ width: W, height: H, depth: 8, colourType: 3 },
			rows,
			['PLTE', Uint8Array.from(palette)],
			...(opacity === undefined ? [] : [['tRNS', Uint8Array.from(opacity)] as const]),
		),
	);
	return path;
};

/** Encodes samples with sharp: JPEG, lossy WebP, TIFF and so on, by the name's extension. */
export const writeWithSharp = async (
	data: Uint8Array,
	channels: 1 | 3 | 4,
	name: string,
	change: (image: Sharp) => Sharp = (image) => image,
): Promise<string> => {
	const path = join(temporaryFolder(), name);
	const image = sharp(data, { raw: { width: W, height: H, channels } });
	await change(channels === 1 ? image.toColourspace('b-w') : image).toFile(path);
	return path;
};

export const voc: readonly number[] = [...vocPalette];
