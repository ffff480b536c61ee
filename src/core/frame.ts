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
