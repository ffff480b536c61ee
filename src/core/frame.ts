/** An 8-bit image in memory, rows top to bottom, channels interleaved. */
export type Raster<Channels extends 1 | 3 | 4 = 1 | 3 | 4> = {
	readonly width: number;
	readonly height: number;
	readonly channels: Channels;
	/** `height * width * channels` bytes. */
	readonly data: Uint8Array;
};

/** One decoded frame, as displayed: rotation and pixel aspect ratio are already applied. */
export type Frame = {
	/** Position among the decoded frames of this run, from 0. */
	readonly index: number;
	/** The number in the name of the frame's file, where frames are numbered files. */
	readonly number?: number | undefined;
	/** Presentation time in seconds from the start of the source. */
	readonly timeSeconds: number;
	/** sRGB pixels, straight (no alpha). */
	readonly image: Raster<3>;
};

/**
 * A mask with object ids: 0 is background, 1..255 are objects.
 * `palette` holds an RGB triplet for each id, at most 256 of them, and is kept from input to output.
 */
export type LabelMap = {
	readonly width: number;
	readonly height: number;
	/** `height * width` object ids. */
	readonly ids: Uint8Array;
	readonly palette: Uint8Array;
};

/** A frame whose mask a person has painted; it comes back as it is. */
export type Keyframe = {
	/** From 0, among the frames of the run. */
	readonly frame: number;
	/** Everything that is to be seen on that frame; an object it leaves out is not there. */
	readonly mask: LabelMap;
};

/** The way through time in which masks are carried from a keyframe. */
export type Direction = 'forward' | 'backward';

/** The object ids of a mask in ascending order, background left out. */
export const objectIds = (mask: Pick<LabelMap, 'ids'>): number[] => {
	const { ids } = mask;
	const seen = new Uint8Array(256);
	// Not "for of", and four pixels at once: this looks at every pixel of every frame, and most are like those before.
	const aligned = ids.byteOffset % 4 === 0 ? ids : ids.slice();
	const fours = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length >> 2);
	let previous = 0;
	seen[0] = 1;
	for (let at = 0; at < fours.length; at++) {
		const four = fours[at]!;
		if (four !== previous) {
			previous = four;
			mark(seen, aligned, 4 * at, 4 * at + 4);
		}
	}
	mark(seen, aligned, 4 * fours.length, aligned.length);
	return Array.from(seen.keys()).filter((id) => id > 0 && seen[id] === 1);
};

const mark = (seen: Uint8Array, ids: Uint8Array, from: number, to: number): void => {
	for (let pixel = from; pixel < to; pixel++) {
		seen[ids[pixel]!] = 1;
	}
};
