import { open } from 'node:fs/promises';
import { children, only, readMovieBox } from '../media/mp4-boxes.js';

/**
 * ffmpeg does not know how long the last frame of a stream with variable frame rate lasts and writes 0: the video is one
 * frame too short, and editing programs leave the last frame out. These functions write the true length into a finished
 * file. Nothing changes its size or place.
 */

/**
 * In MP4 and MOV (ISO/IEC 14496-12): the last sample's time to the next (`stts`) and the lengths of media (`mdhd`),
 * track (`tkhd`), edit (`elst`) and movie (`mvhd`).
 *
 * @param seconds how long the last frame lasts
 */
export const setLastFrameDurationInMp4 = async (path: string, seconds: number): Promise<void> => {
	const file = await open(path, 'r+');
	try {
		const found = await readMovieBox(file);
		if (found) {
			lengthenMovie(found.moov.subarray(8), seconds);
			await file.write(found.moov, 0, found.moov.length, found.at);
		}
	} finally {
		await file.close();
	}
};

const lengthenMovie = (moov: Buffer, seconds: number): void => {
	const mvhd = only(moov, 'mvhd');
	for (const trak of children(moov).filter((box) => box.type === 'trak')) {
		const mdia = only(trak.body, 'mdia');
		if (only(mdia, 'hdlr').toString('latin1', 8, 12) !== 'vide') {
			continue;
		}
		const stts = only(only(only(mdia, 'minf'), 'stbl'), 'stts');
		const lastEntry = 8 + (stts.readUInt32BE(4) - 1) * 8;
		// A last entry for more samples than one has a delta already: the last frame got it by running on.
		if (lastEntry < 8 || stts.readUInt32BE(lastEntry) !== 1) {
			continue;
		}
		const mdhd = only(mdia, 'mdhd');
		const mediaTicks = Math.round(seconds * timescale(mdhd)) - stts.readUInt32BE(lastEntry + 4);
		stts.writeUInt32BE(stts.readUInt32BE(lastEntry + 4) + mediaTicks, lastEntry + 4);
		addDuration(mdhd, mediaTicks);

		const movieTicks = Math.round((mediaTicks * timescale(mvhd)) / timescale(mdhd));
		const tkhd = only(trak.body, 'tkhd');
		addToTime(tkhd, tkhd[0] === 1 ? 28 : 20, movieTicks, tkhd[0] === 1);
		const edts = children(trak.body).find((box) => box.type === 'edts');
		const elst = edts && only(edts.body, 'elst');
		if (elst) {
			const wide = elst[0] === 1;
			addToTime(elst, 8 + (elst.readUInt32BE(4) - 1) * (wide ? 20 : 12), movieTicks, wide);
		}
		const trackDuration = readTime(tkhd, tkhd[0] === 1 ? 28 : 20, tkhd[0] === 1);
		const longer = trackDuration - readTime(mvhd, mvhd[0] === 1 ? 24 : 16, mvhd[0] === 1);
		if (longer > 0) {
			addDuration(mvhd, longer);
		}
	}
};

/** `mvhd` and `mdhd` begin alike: version, two dates, time scale, duration; in version 1 the times are 64-bit. */
const timescale = (header: Buffer): number => header.readUInt32BE(header[0] === 1 ? 20 : 12);

const addDuration = (header: Buffer, ticks: number): void => {
	addToTime(header, header[0] === 1 ? 24 : 16, ticks, header[0] === 1);
};

const readTime = (box: Buffer, at: number, wide: boolean): number =>
	wide ? Number(box.readBigUInt64BE(at)) : box.readUInt32BE(at);

const addToTime = (box: Buffer, at: number, ticks: number, wide: boolean): void => {
	if (wide) {
		box.writeBigUInt64BE(box.readBigUInt64BE(at) + BigInt(ticks), at);
	} else {
		box.writeUInt32BE(box.readUInt32BE(at) + ticks, at);
	}
};

/**
 * In Matroska and WebM (RFC 9559): the segment's Duration, a number in milliseconds, and the track's DefaultDuration, which says
 * how long each frame lasts and has no place where frames differ. Both are near the beginning.
 */
export const setTimesInMatroska = async (
	path: string,
	{ durationSeconds, isConstant }: { readonly durationSeconds: number; readonly isConstant: boolean },
): Promise<void> => {
	const file = await open(path, 'r+');
	try {
		const start = Buffer.alloc(4096);
		const { bytesRead } = await file.read(start, 0, start.length, 0);
		const header = start.subarray(0, bytesRead);
		// Element id 0x4489, size 8.
		const duration = header.indexOf(Buffer.from([0x44, 0x89, 0x88]));
		if (duration >= 0) {
			const value = Buffer.alloc(8);
			value.writeDoubleBE(durationSeconds * 1000);
			await file.write(value, 0, 8, duration + 3);
		}
		const perFrame = header.indexOf(Buffer.from([0x23, 0xe3, 0x83]));
		const size = (header[perFrame + 3] ?? 0) & 0x7f;
		if (!isConstant && perFrame >= 0 && size >= 1 && size <= 8) {
			// Element Void, as long as the element was: id, size, and what follows means nothing.
			await file.write(Buffer.from([0xec, 0x80 | (size + 2)]), 0, 2, perFrame);
		}
	} finally {
		await file.close();
	}
};
