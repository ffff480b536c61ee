import { stat } from 'node:fs/promises';
import { type DecodeOptions, decodeFrames } from './decode.js';
import type { ClipInfo, Frame } from './frame.js';
import { isImagePattern, openImageSequence, readImageFrames } from './image-sequence.js';
import { type ProbeOptions, probeClip } from './probe.js';

/** A video file, or still images that are its frames: the same to everything that comes after. */
export type Clip = {
	/** As given by the person. */
	readonly path: string;
	readonly kind: 'video' | 'images';
	/** The video file, or the images in order. */
	readonly files: readonly string[];
	readonly info: ClipInfo;
	/** The frames in order, once each; see `decodeFrames`. May be called again for another pass. */
	frames(options?: DecodeOptions): AsyncGenerator<Frame, void, void>;
};

export type OpenClipOptions = ProbeOptions & {
	/** Frames a second of still images. Default 25; a video file has its own. */
	readonly frameRate?: number | undefined;
};

/**
 * Opens a video file, a folder of numbered frames, or a pattern like `shots/*.jpg`.
 *
 * @throws UserError when it is none of these; the message says what it is instead.
 */
export const openClip = async (input: string, options: OpenClipOptions = {}): Promise<Clip> => {
	const stats = await stat(input).catch(() => undefined);
	// A file whose real name has a `%d` or `*` in it is that file, not a pattern.
	if (stats?.isDirectory() || (!stats && isImagePattern(input))) {
		const sequence = await openImageSequence(input, options.frameRate);
		return {
			path: input,
			kind: 'images',
			files: sequence.files,
			info: sequence.info,
			frames: (range) => readImageFrames(sequence, range),
		};
	}
	const probed = await probeClip(input, options);
	return {
		path: input,
		kind: 'video',
		files: [input],
		info: probed.info,
		frames: (range) => decodeFrames(probed, { ffmpeg: options.ffmpeg, ...range }),
	};
};
