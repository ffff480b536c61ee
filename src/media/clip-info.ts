import type { Size } from '../core/size.js';
import type { ColourTags } from './video-stream.js';

/** A number that decimals would not tell exactly, like the frame rate 24000/1001. Both parts are positive whole numbers. */
export type Fraction = { readonly numerator: number; readonly denominator: number };

/** What is known of a clip before its frames are decoded. */
export type ClipInfo = {
	/** Size as displayed, in pixels. */
	readonly width: number;
	readonly height: number;
	/** Size before pixels that are not square are stretched, when that is known; turned as displayed. */
	readonly stored?: Size | undefined;
	/** Frames per second; the usual number of them where the rate varies. */
	readonly frameRate: number;
	/** The same exactly, when the file says it. */
	readonly rate?: Fraction | undefined;
	/** How finely the file tells times: 0.001 in Matroska, whose frames of 60 a second are 16 or 17 ms apart. */
	readonly tickSeconds?: number | undefined;
	/** Time of the first frame as cameras and editors count it, `10:00:00:00`, if the file says one. */
	readonly timecode?: string | undefined;
	/** Estimated number of frames; undefined when the container does not say. */
	readonly estimatedFrames: number | undefined;
	readonly durationSeconds: number | undefined;
	readonly hasAudio: boolean;
	/** ffmpeg's name of the first audio track's codec. */
	readonly audioCodec?: string | undefined;
	/** How the source codes its colours; undefined for still images, which are sRGB. */
	readonly colour?: ColourTags | undefined;
};
