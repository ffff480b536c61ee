import { requireFree } from '../core/atomic-file.js';
import { openClip } from '../media/clip.js';
import { requireDistinct } from '../media/distinct-files.js';
import { frameAt } from '../media/frame-at.js';
import { requireImageName, writeImage } from '../media/image.js';
import { parsePosition } from '../media/position.js';

type ExtractFrameJob = {
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

type ExtractFrameResult = {
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
	await requireFree([output], overwrite);
	const clip = await openClip(input, { ffmpeg, signal });
	await requireDistinct([output], clip.files);
	const { image, index, timeSeconds } = await frameAt(clip, asked, signal);
	await writeImage(output, image);
	const { width, height } = image;
	return { output, width, height, frame: index, timeSeconds };
};
