import { inflateSync } from 'node:zlib';
import { UserError } from '../core/errors.js';
import { openAtOnce } from '../core/regular-file.js';

/** Kinds of pictures that are read, as `sharp` calls them. */
type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff' | 'heif';

/** A picture has no more pixels, whatever its header says: twice a frame of 16K. */
export const MOST_PIXELS = 2 ** 28;

/** Colour profiles and texts of a PNG are no longer than this when inflated. */
const MOST_INFLATED = 2 ** 24;

export const pngSignature: Buffer = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');

/**
 * What a file is by its first bytes, whatever its name says. Nothing but pictures made of pixels is known: a drawing (SVG, PDF)
 * can be of any size and take any time, and may refer to other files.
 *
 * @returns undefined for anything else
 */
export const imageFormatOf = (head: Buffer): ImageFormat | undefined => {
	const text = head.toString('latin1');
	if (head.subarray(0, 8).equals(pngSignature)) {
		return 'png';
	}
	if (text.startsWith('\xff\xd8\xff')) {
		return 'jpeg';
	}
	if (text.startsWith('RIFF') && text.startsWith('WEBP', 8)) {
		return 'webp';
	}
	if (text.startsWith('GIF8')) {
		return 'gif';
	}
	if (/^(II[*+]\0|MM\0[*+])/.test(text)) {
		return 'tiff';
	}
	return /^....ftyp(avif|avis|mif1|msf1|heic|heix)/s.test(text) ? 'heif' : undefined;
};

const drawing = /^\s*(<\?xml|<!--|<!doctype svg|<svg)|^%PDF|^%!PS/i;

/**
 * Sees whether a file is a picture that can be opened without harm: of a known kind, and no small file that inflates to
 * gigabytes before a pixel is read.
 *
 * @returns undefined when it can't be opened at all: whoever reads it will say why
 * @throws UserError otherwise
 */
export const requireImageFile = async (path: string): Promise<ImageFormat | undefined> => {
	const file = await openAtOnce(path).catch(() => undefined);
	if (file === undefined) {
		return undefined;
	}
	try {
		const stats = await file.stat();
		if (stats.isDirectory()) {
			return undefined;
		}
		if (!stats.isFile()) {
			throw new UserError(`"${path}" is a pipe or a device, not a file; give an image file.`);
		}
		const read = async (from: number, length: number): Promise<Buffer> => {
			const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, from);
			return buffer.subarray(0, bytesRead);
		};
		const head = await read(0, 64);
		const format = imageFormatOf(head);
		if (format === undefined) {
			throw notAnImage(path, head);
		}
		if (format === 'png') {
			await requireSmallChunks(path, read);
		}
		return format;
	} finally {
		await file.close();
	}
};

/** @param head the file's first bytes */
export const notAnImage = (path: string, head: Buffer): UserError =>
	new UserError(
		drawing.test(head.toString('latin1').replace(/^\xef\xbb\xbf/, ''))
			? `"${path}" is a drawing, not an image of pixels; export it as a PNG.`
			: `"${path}" is not an image that can be read; give a PNG, JPEG, WebP or TIFF file.`,
	);

/** Looks at what stands before a PNG's pixels. */
const requireSmallChunks = async (
	path: string,
	read: (from: number, length: number) => Promise<Buffer>,
): Promise<void> => {
	for (let at = 8; ; ) {
		const head = await read(at, 8);
		const type = head.toString('latin1', 4);
		if (head.length < 8 || type === 'IDAT' || type === 'IEND') {
			return;
		}
		const length = head.readUInt32BE(0);
		if (['iCCP', 'zTXt', 'iTXt'].includes(type)) {
			requireSmall(path, await read(at + 8, Math.min(length, MOST_INFLATED)));
		}
		at += 12 + length;
	}
};

/** A chunk is a name, a zero byte or some more, and a deflated text: it is found by trying. */
const requireSmall = (path: string, chunk: Buffer): void => {
	for (let at = chunk.indexOf(0); at >= 0 && at < Math.min(chunk.length, 512); at++) {
		if ((chunk[at] ?? 0) % 16 === 8 && chunk.readUInt16BE(Math.min(at, chunk.length - 2)) % 31 === 0) {
			try {
				inflateSync(chunk.subarray(at), { maxOutputLength: MOST_INFLATED });
			} catch (error) {
				if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
					throw new UserError(
						`"${path}" holds a colour profile or text of more than ${MOST_INFLATED / 2 ** 20} MB; save it again without.`,
					);
				}
			}
		}
	}
};

/** The pieces of a PNG by name, in order. @throws RangeError when one is cut off */
export const pngChunks = (
	bytes: Buffer,
): { readonly type: string; readonly whole: Buffer; readonly data: Buffer }[] => {
	const chunks = [];
	for (let at = 8; at < bytes.length; ) {
		if (at + 12 > bytes.length) {
			throw new RangeError('it is cut off');
		}
		const end = at + 12 + bytes.readUInt32BE(at);
		if (end > bytes.length) {
			throw new RangeError('it is cut off');
		}
		const type = bytes.toString('latin1', at + 4, at + 8);
		chunks.push({ type, whole: bytes.subarray(at, end), data: bytes.subarray(at + 8, end - 4) });
		at = end;
		if (type === 'IEND') {
			break;
		}
	}
	return chunks;
};
