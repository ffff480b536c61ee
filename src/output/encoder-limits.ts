import { UserError } from '../core/errors.js';
import type { ClipInfo } from '../media/clip-info.js';
import { findFfmpeg } from '../media/ffmpeg-binary.js';
import { askFfmpeg } from '../media/ffmpeg-process.js';
import type { VideoFormat } from './output-format.js';
import { timedRawVideoFrameHeader, timedRawVideoHeader } from './timed-raw-video.js';
import { pixelFormatOf } from './video-colours.js';

/** Sizes that every encoder is used with; others are tried out. */
const ordinary = { smallestSide: 64, largestSide: 4096, pixels: 4096 * 2304 } as const;

type Options = {
	readonly clip: ClipInfo;
	readonly ffmpeg?: string | undefined;
	readonly signal?: AbortSignal | undefined;
};

/**
 * Sees to it, before any work, that this ffmpeg can code frames of the clip's size: encoders have limits of their own, and some
 * write nothing beyond them without a word. (ProRes of 2018: 16 million pixels with alpha.)
 *
 * @throws UserError when it can't; the message says what would do.
 */
export const requireEncoder = async (
	path: string,
	format: VideoFormat,
	{ clip, ffmpeg, signal }: Options,
): Promise<void> => {
	const { version, encoders } = await findFfmpeg(ffmpeg);
	const encoder = format.codec[format.codec.indexOf('-c:v') + 1] ?? '';
	if (!encoders.has(encoder)) {
		throw new UserError(
			`This ffmpeg (${shortVersion(version)}) lacks the encoder "${encoder}", needed for "${path}"; name a fuller ffmpeg with --ffmpeg, or choose another format.`,
		);
	}
	const { width, height } = clip;
	const [short, long] = [Math.min(width, height), Math.max(width, height)];
	if (short >= ordinary.smallestSide && long <= ordinary.largestSide && width * height <= ordinary.pixels) {
		return;
	}
	const key = [version, format.codec.join(' '), pixelFormatOf(format, clip), width, height].join('\n');
	const trial = trials.get(key) ?? codesFrame(format, { clip, ffmpeg, signal });
	trials.set(key, trial);
	// Being cancelled says nothing of the encoder.
	trial.catch(() => trials.delete(key));
	if (!(await trial)) {
		throw new UserError(
			`This ffmpeg (${shortVersion(version)}) cannot code "${path}" (${format.name}) at ${width}×${height}; name a newer ffmpeg with --ffmpeg, or choose another format${format.channels === 4 ? ', such as alpha.mkv, alpha.webm or animation.mov' : ', such as matte.mkv or a folder of PNGs'}.`,
		);
	}
};

/** A run may have hundreds of outputs of one kind. */
const trials = new Map<string, Promise<boolean>>();

const shortVersion = (version: string): string => version.replace(/^ffmpeg version (\S+).*$/, '$1');

/** Whether anything comes out when a frame goes in. */
const codesFrame = async (format: VideoFormat, { clip, ffmpeg, signal }: Options): Promise<boolean> => {
	const { width, height } = clip;
	const { output, failure } = await askFfmpeg({
		inputs: [{ source: 'pipe', options: ['-f', 'matroska'] }],
		outputs: [
			{
				target: 'pipe',
				options: [...format.codec, '-pix_fmt', pixelFormatOf(format, clip), '-f', 'framecrc'],
			},
		],
		input: blackFrame(width, height, format.channels),
		...{ about: format.name, ffmpeg, signal },
	});
	return failure === undefined && /^0,/m.test(output.toString());
};

function* blackFrame(width: number, height: number, channels: 1 | 3 | 4): Generator<Buffer> {
	yield timedRawVideoHeader(width, height, channels);
	yield timedRawVideoFrameHeader(0, width * height * channels);
	const row = Buffer.alloc(width * channels);
	for (let y = 0; y < height; y++) {
		yield row;
	}
}
