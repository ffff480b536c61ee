/**
 * Raw video with a time for every frame, as a Matroska stream: what ffmpeg reads from a pipe when frames have no
 * constant rate. (Plain rawvideo and yuv4mpeg have no timestamps; containers that keep them are written by ffmpeg
 * itself only from another such stream.) Matroska specification: RFC 9559; uncompressed video: codec `V_UNCOMPRESSED`.
 */

import type { Fraction } from '../media/clip-info.js';

/** Ticks a second of the stream, the most that there can be: rounded to the ticks of any clock of video, each is the right one. */
const ticksPerSecond = 1_000_000_000;

const fourCharacterCodes = { 1: 'Y800', 3: 'RGB\x18', 4: 'RGBA' } as const;

/**
 * The beginning of the stream, before the first frame.
 *
 * @param rate frames a second, for containers that name one; times are those of the frames in any case
 */
export const timedRawVideoHeader = (
	width: number,
	height: number,
	channels: 1 | 3 | 4,
	rate?: Fraction,
): Buffer =>
	Buffer.concat([
		element(0x1a45dfa3, [
			element(0x4282, Buffer.from('matroska')),
			// DocTypeVersion and DocTypeReadVersion
			element(0x4287, unsigned(4)),
			element(0x4285, unsigned(2)),
		]),
		// The segment's length is not known in advance: all value bits set.
		Buffer.from([0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
		element(0x1549a966, [
			// TimestampScale, in nanoseconds
			element(0x2ad7b1, unsigned(1e9 / ticksPerSecond)),
		]),
		element(0x1654ae6b, [
			element(0xae, [
				// TrackNumber, TrackUID, TrackType (video), FlagLacing
				element(0xd7, unsigned(1)),
				element(0x73c5, unsigned(1)),
				element(0x83, unsigned(1)),
				element(0x9c, unsigned(0)),
				element(0x86, Buffer.from('V_UNCOMPRESSED')),
				// DefaultDuration, in nanoseconds
				...(rate ? [element(0x23e383, unsigned(Math.round((1e9 * rate.denominator) / rate.numerator)))] : []),
				element(0xe0, [
					element(0xb0, unsigned(width)),
					element(0xba, unsigned(height)),
					element(0x2eb524, Buffer.from(fourCharacterCodes[channels], 'latin1')),
				]),
			]),
		]),
	]);

/** What precedes the pixels of a frame; the frame's `byteLength` bytes must follow. */
export const timedRawVideoFrameHeader = (timeSeconds: number, byteLength: number): Buffer => {
	const timestamp = element(0xe7, unsigned(Math.round(timeSeconds * ticksPerSecond)));
	// SimpleBlock: track 1, no offset to the cluster's time, key frame.
	const block = Buffer.concat([id(0xa3), size(byteLength + 4), Buffer.from([0x81, 0, 0, 0x80])]);
	// A cluster for each frame: a block's own time is only a 16-bit offset.
	return Buffer.concat([
		id(0x1f43b675),
		size(timestamp.length + block.length + byteLength),
		timestamp,
		block,
	]);
};

const element = (elementId: number, content: Buffer | readonly Buffer[]): Buffer => {
	const data = Buffer.isBuffer(content) ? content : Buffer.concat(content);
	return Buffer.concat([id(elementId), size(data.length), data]);
};

/** Ids are written with their length marker already in them. */
const id = (value: number): Buffer => {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32BE(value);
	return bytes.subarray(bytes.findIndex((byte) => byte !== 0));
};

/** Sizes in eight bytes: a marker byte and seven bytes of value, which any frame fits. */
const size = (value: number): Buffer => {
	const bytes = Buffer.alloc(8);
	bytes.writeBigUInt64BE(BigInt(value));
	bytes[0] = 0x01;
	return bytes;
};

const unsigned = (value: number): Buffer => {
	const bytes = Buffer.alloc(8);
	bytes.writeBigUInt64BE(BigInt(value));
	return bytes;
};
