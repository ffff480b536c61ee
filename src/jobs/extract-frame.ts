import { realpath } from 'node:fs/promises';
import { OutsideClip, UserError } from '../core/errors.js';
import { type Clip, openClip } from '../media/clip.js';
import { FramePool } from '../media/frame-pool.js';
import { requireImageName, writeImage } from '../media/image.js';
import { type Position, parsePosition } from '../media/position.js';
import { requireFree } from './pair-inputs.js';

export type ExtractFrameJob = {
	/** Video file, folder of frames, or pattern of frame names. */
	readonly input: string;
	/** Which frame: a number from 0, or the one in an image's name; or a time like `1.5s`. Default: the first. */
	readonly at?: string | undefined;
	/** `.png`, `.jpg`, `.webp` or `.tiff`. */
	readonly output: string;
	readonly overwrite?: boolean | undefined;
	readonly ffmpeg?: string | undefined;
	readonly signal?: AbortSignal | undefined;
};

export type ExtractFrameResult = {
	readonly output: string;
	readonly width: number;
	readonly height: number;
	/** The number that a mask of this frame is given with: from 0, or the one in the image's name. */
	readonly frame: number;
	/** From the start of the clip. */
	readonly timeSeconds: number;
};

/**
 * Writes one frame as a picture, of the size and the way up that masks of the clip must have: square pixels, turned as displayed.
 *
 * @throws UserError for a clip that can't be read, a place behind its end, and outputs that exist
 */
export const extractFrame = async (job: ExtractFrameJob): Promise<ExtractFrameResult> => {
	const { input, output, overwrite, ffmpeg, signal } = job;
	const asked = parsePosition(job.at ?? '0');
	requireImageName(output);
	requireFree([output], overwrite);
	const clip = await openClip(input, { ffmpeg, signal });
	await requireNoInput(output, clip.files);
	const start = placeOf(clip, asked);
	// Where a time is, only counting tells: rates vary, and a mask is given with a number.
	const counting = !('frame' in start);
	const wanted = counting ? undefined : { start, end: { frame: start.frame + 1 } };
	const pool = new FramePool();
	try {
		for await (const { index, number, image, timeSeconds } of clip.frames({ ...wanted, pool, signal })) {
			if (counting && timeSeconds < start.seconds - HALF_TICK_SECONDS) {
				pool.giveBack(image);
				continue;
			}
			await writeImage(output, image);
			const { width, height } = image;
			return { output, width, height, frame: number ?? (counting ? index : start.frame), timeSeconds };
		}
	} catch (error) {
		if (!(error instanceof OutsideClip)) {
			throw error;
		}
	}
	const { durationSeconds } = clip.info;
	const length = durationSeconds === undefined ? '' : `: it takes ${durationSeconds.toFixed(2)} s`;
	throw new UserError(`"${input}" ends before ${job.at}${length}; give an earlier place with --at.`);
};

/**
 * Images that have numbers in their names are called by them.
 *
 * @throws UserError for a number that no image has
 */
const placeOf = ({ path, numbers }: Clip, asked: Position): Position => {
	if (numbers === undefined || !('frame' in asked) || asked.frame === 0) {
		return asked;
	}
	const frame = numbers.indexOf(asked.frame);
	if (frame < 0) {
		throw new UserError(
			`"${path}" has no frame ${asked.frame}: its frames are ${numbers[0]} to ${numbers.at(-1)}; give one of them with --at.`,
		);
	}
	return { frame };
};

/** Times are typed with a few digits: 0.04s is the frame at 0.0400000001. */
const HALF_TICK_SECONDS = 0.0005;

const requireNoInput = async (output: string, inputs: readonly string[]): Promise<void> => {
	const replaced = await realpath(output).catch(() => undefined);
	for (const input of inputs) {
		if (replaced !== undefined && replaced === (await realpath(input))) {
			throw new UserError(`"${output}" is a frame of the clip itself; choose another name for the picture.`);
		}
	}
};
