/** How the samples of a video stream are stored, as far as turning them into displayed sRGB pixels needs it. */
export type VideoStream = {
	/** Number of the stream within its file. */
	readonly index: number;
	readonly codec: string;
	/** Size as stored, before rotation and pixel aspect ratio. */
	readonly codedWidth: number;
	readonly codedHeight: number;
	/** Clockwise turn that shows the picture upright, in degrees. */
	readonly rotation: 0 | 90 | 180 | 270;
	/** ffmpeg's filter that shows a mirrored picture the right way round, in place of the turn; undefined when it is not mirrored. */
	readonly mirroring?: 'hflip' | 'vflip' | 'transpose=0' | 'transpose=3' | undefined;
	/** Width of a stored pixel divided by its height. */
	readonly pixelAspectRatio: number;
	/** ffmpeg's name of the pixel format, e.g. `yuv420p10le`. */
	readonly pixelFormat: string;
	/** ffmpeg's names, undefined where the file does not say. */
	readonly colour: ColourTags;
};

/** How colours are coded; ffmpeg's names (`bt709`, `smpte170m`, `bt2020nc`, `arib-std-b67`, …). */
export type ColourTags = {
	readonly range: 'tv' | 'pc' | undefined;
	readonly matrix: string | undefined;
	readonly primaries: string | undefined;
	readonly transfer: string | undefined;
};

/** Size as displayed, in square pixels: the pixel aspect ratio stretches the stored width, then the picture is turned. */
export const displayedSize = (
	stream: Pick<VideoStream, 'codedWidth' | 'codedHeight' | 'rotation' | 'pixelAspectRatio'>,
): { width: number; height: number } => {
	const width = Math.max(1, Math.round(stream.codedWidth * stream.pixelAspectRatio));
	const height = stream.codedHeight;
	return stream.rotation % 180 === 0 ? { width, height } : { width: height, height: width };
};

/**
 * The matrix to decode with: what the file says, else what players assume (BT.709 for HD, BT.601 for smaller pictures).
 * ITU-R BT.709 and BT.601; the same rule as mpv's.
 */
export const effectiveMatrix = (
	stream: Pick<VideoStream, 'codedWidth' | 'codedHeight' | 'colour'>,
): 'bt709' | 'bt601' | 'bt2020' | 'smpte240m' => {
	const tagged = stream.colour.matrix;
	if (tagged === 'bt709' || tagged === 'smpte240m') {
		return tagged;
	}
	if (tagged?.startsWith('bt2020')) {
		return 'bt2020';
	}
	if (tagged !== undefined) {
		return 'bt601';
	}
	return stream.codedWidth >= 1280 || stream.codedHeight > 576 ? 'bt709' : 'bt601';
};

/** High dynamic range by its transfer curve: PQ (SMPTE ST 2084) or HLG (ARIB STD-B67). */
export const isHighDynamicRange = (stream: Pick<VideoStream, 'colour'>): boolean =>
	stream.colour.transfer === 'smpte2084' || stream.colour.transfer === 'arib-std-b67';
