import { stat } from 'node:fs/promises';
import { UserError } from '../core/errors.js';
import type { Frame } from '../core/frame.js';
import type { ClipInfo } from './clip-info.js';
import { type DecodeOptions, decodeFrames } from './decode.js';
import { isImagePattern, openImageSequence, readImageFrames } from './image-sequence.js';
import { seekableInput } from './piped-input.js';
import { type ProbeOptions, probeClip } from './probe.js';

/** A video file, or still images that are its frames: the same to everything that comes after. */
export type Clip = {
	/** As given by the person; the temporary file for what came from a pipe. */
	readonly path: string;
	readonly kind: 'video' | 'images';
	/** The video file, or the images in order. */
	readonly files: readonly string[];
	readonly info: ClipInfo;
	/** It came from a pipe and is in a temporary file: nothing that stays may refer to it. */
	readonly isTemporary?: boolean | undefined;
	/** The numbers in the names of numbered images, in order. */
	readonly numbers?: readonly number[] | undefined;
	/** In their names these numbers are one more. */
	readonly isCountedFromOne?: boolean | undefined;
	/** What the person should know about it: missing numbers, files left out. */
	readonly notes?: readonly string[] | undefined;
	/** The frames in order, once each; see `decodeFrames`. May be called again for another pass. */
	frames(options?: DecodeOptions): AsyncGenerator<Frame, void, void>;
};

type OpenClipOptions = ProbeOptions & {
	/** Frames a second of still images. Default 25; a video file has its own, and another is refused. */
	readonly frameRate?: number | undefined;
};

/**
 * Opens a video file, a folder of numbered frames, or a pattern like `shots/*.jpg`; what comes from a pipe (`-` is standard
 * input) is kept in a temporary file.
 *
 * @throws UserError when it is none of these; the message says what it is instead.
 */
export const openClip = async (given: string, options: OpenClipOptions = {}): Promise<Clip> => {
	const input = await seekableInput(given, options.signal);
	const stats = await stat(input).catch(() => undefined);
	// A file whose real name has a `%d` or `*` in it is that file, not a pattern.
	if (stats?.isDirectory() || (!stats && isImagePattern(input))) {
		const sequence = await openImageSequence(input, options.frameRate);
		return {
			path: input,
			kind: 'images',
			files: sequence.files,
			info: sequence.info,
			numbers: sequence.numbers,
			isCountedFromOne: sequence.isCountedFromOne,
			notes: sequence.notes,
			frames: (range) => readImageFrames(sequence, range),
		};
	}
	if (options.frameRate !== undefined) {
		throw new UserError(
			`"${input}" is a video, which has a rate of its own; --fps is for folders of frames.`,
		);
	}
	const probed = await probeClip(input, options);
	return {
		path: input,
		kind: 'video',
		files: [input],
		isTemporary: input !== given,
		info: probed.info,
		frames: (range) => decodeFrames(probed, { ffmpeg: options.ffmpeg, ...range }),
	};
};
