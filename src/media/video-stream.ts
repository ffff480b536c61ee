import type { Mirroring } from './mp4-boxes.js';

/** How the samples of a video stream are stored, as far as turning them into displayed sRGB pixels needs it. */
export type VideoStream = {
	/** Number among the tracks of moving pictures of its file, as in ffmpeg's `0:V:0`. */
	readonly index: number;
	/** Size as stored, before rotation and pixel aspect ratio. */
	readonly codedWidth: number;
	readonly codedHeight: number;
	/** How a mirrored picture is shown the right way round, in place of the turn that ffmpeg would make. */
	readonly mirroring: Mirroring | undefined;
	/** The file's time 0 may depend on which of its tracks are read, so its sound has to be read along. */
	readonly clockOfAudio: boolean;
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

/** Size of pictures and width of a pixel divided by its height. */
type PictureSize = { readonly width: number; readonly height: number; readonly pixelAspectRatio: number };

/**
 * Size as displayed, in square pixels: the pixel aspect ratio stretches the stored width, then the picture is turned.
 *
 * @param stored as in the file
 * @param decoded a frame as ffmpeg gives it, turned
 */
export const displayedSize = (
	stored: PictureSize,
	decoded: PictureSize,
): { width: number; height: number } => {
	const isTurned =
		decoded.width === stored.height &&
		decoded.height === stored.width &&
		(stored.width !== stored.height ||
			Math.abs(decoded.pixelAspectRatio - stored.pixelAspectRatio) > 1e-6 * decoded.pixelAspectRatio);
	return isTurned
		? { width: decoded.width, height: Math.max(1, Math.round(decoded.height / decoded.pixelAspectRatio)) }
		: { width: Math.max(1, Math.round(decoded.width * decoded.pixelAspectRatio)), height: decoded.height };
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
