import type { FileHandle } from 'node:fs/promises';
import { openRegularFile } from '../core/regular-file.js';

/** A part of an MP4 or MOV file (ISO/IEC 14496-12). */
export type Box = { readonly type: string; readonly body: Buffer };

/** The boxes inside a box's content; their bodies leave out the eight bytes of length and type. */
export const children = (parent: Buffer): Box[] => {
	const boxes: Box[] = [];
	for (let at = 0; at + 8 <= parent.length; ) {
		const length = Math.max(8, parent.readUInt32BE(at));
		boxes.push({
			type: parent.toString('latin1', at + 4, at + 8),
			body: parent.subarray(at + 8, at + length),
		});
		at += length;
	}
	return boxes;
};

export const only = (parent: Buffer, type: string): Buffer => {
	const box = children(parent).find((child) => child.type === type);
	if (!box) {
		throw new Error(`The file has no ${type} box.`);
	}
	return box.body;
};

/** Whether a box is a track of moving pictures. */
const isPictures = ({ type, body }: Box): boolean =>
	type === 'trak' && only(only(body, 'mdia'), 'hdlr').toString('latin1', 8, 12) === 'vide';

/** A day of video at 60 frames a second takes about 100 MB. */
const largestMovieBox = 1 << 28;

/** The `moov` box, with its length and type, and where it is in the file; undefined when there is none. */
export const readMovieBox = async (
	file: FileHandle,
): Promise<{ readonly moov: Buffer; readonly at: number } | undefined> => {
	const { size } = await file.stat();
	for (let at = 0; at + 8 <= size; ) {
		const header = Buffer.alloc(16);
		await file.read(header, 0, 16, at);
		const short = header.readUInt32BE(0);
		const length = short === 1 ? Number(header.readBigUInt64BE(8)) : short === 0 ? size - at : short;
		if (header.toString('latin1', 4, 8) === 'moov') {
			if (Math.min(length, size - at) > largestMovieBox) {
				return undefined;
			}
			const moov = Buffer.alloc(Math.min(length, size - at));
			await file.read(moov, 0, moov.length, at);
			return { moov, at };
		}
		at += Math.max(8, length);
	}
	return undefined;
};

/**
 * What a track of pictures says, of an MP4 or MOV file.
 *
 * @param index of the track among those of pictures
 * @param read its body
 * @returns undefined where there is no such track, or the file is not laid out as expected: then it is as ffmpeg understands it
 */
const ofTrack = async <Found>(
	path: string,
	index: number,
	read: (track: Buffer) => Found | undefined,
): Promise<Found | undefined> => {
	const file = await openRegularFile(path);
	try {
		const found = await readMovieBox(file);
		const track = found ? children(found.moov.subarray(8)).filter(isPictures)[index] : undefined;
		return track && read(track.body);
	} catch {
		return undefined;
	} finally {
		await file.close();
	}
};

/**
 * Pictures that a track lists (`stsz`): its length even where the sound is longer, and where the rate varies.
 *
 * @param index of the track among those of pictures; undefined is returned where the file lists none, as in fragments
 */
export const sampleCount = (path: string, index: number): Promise<number | undefined> =>
	ofTrack(
		path,
		index,
		(track) => only(only(only(only(track, 'mdia'), 'minf'), 'stbl'), 'stsz').readUInt32BE(8) || undefined,
	);

/** ffmpeg's filter that shows a mirrored picture the right way round. */
export type Mirroring = 'hflip' | 'vflip' | 'transpose=0' | 'transpose=3';

/**
 * How a track is mirrored for display, by its matrix (`tkhd`). ffmpeg prints only the angle, and older versions turn mirrored pictures as
 * if they were not.
 *
 * @param index of the track among those of pictures; undefined is returned when it is not mirrored
 */
export const readMirroring = (path: string, index: number): Promise<Mirroring | undefined> =>
	ofTrack(path, index, (track) => {
		const header = only(track, 'tkhd');
		const at = header[0] === 1 ? 52 : 40;
		const [a = 0, b = 0, , c = 0, d = 0] = [0, 1, 2, 3, 4].map((n) => header.readInt32BE(at + 4 * n));
		// x' = a x + c y, y' = b x + d y: mirrored when the determinant is negative.
		if (a * d - b * c >= 0) {
			return undefined;
		}
		if (Math.abs(a) > Math.abs(b)) {
			return a < 0 ? 'hflip' : 'vflip';
		}
		return b > 0 ? 'transpose=0' : 'transpose=3';
	});
