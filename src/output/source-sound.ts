import { rm } from 'node:fs/promises';
import { temporaryPath } from '../core/temporary-names.js';
import { askFfmpeg, type FfmpegOutput } from '../media/ffmpeg-process.js';

/** The part of a video file's sound that goes with a run's pictures. */
type SoundOfClip = {
	/** The video file. */
	readonly path: string;
	/** ffmpeg's name of its codec. */
	readonly codec: string | undefined;
	/** Times in the file, on the clock of its pictures. To its end when `durationSeconds` is undefined. */
	readonly beginSeconds: number;
	readonly durationSeconds: number | undefined;
};

type Options = { readonly ffmpeg?: string | undefined; readonly signal?: AbortSignal | undefined };

/** Codecs that MP4 takes as they are; other sound is coded anew. */
const soundOfMp4 = new Set(['aac', 'mp3', 'ac3', 'eac3', 'alac']);

const coded: readonly string[] = [
	...['-c:a', 'aac', '-b:a', '192k'],
	// Gaps become silence: an encoder counts samples, and everything after a gap would come early.
	...['-af', 'aresample=async=1:first_pts=0'],
];

/**
 * Puts a clip's sound into an MP4 file that has only pictures: copied if possible, else coded as AAC.
 *
 * @param picture an MP4 file whose time 0 is `sound.beginSeconds` in the source
 * @param target where the file with both goes
 * @param about the file that it is for in the end
 * @returns undefined when it was done; else why there is no sound, as part of a sentence. Then `target` is worth nothing.
 */
export const addSound = async (
	picture: string,
	target: string,
	sound: SoundOfClip,
	about: string,
	options: Options,
): Promise<string | undefined> => {
	const alone = temporaryPath(about);
	try {
		const ways = soundOfMp4.has(sound.codec ?? '') ? [['-c:a', 'copy'], coded] : [coded];
		let problem = 'it cannot be decoded';
		for (const codec of ways) {
			const failure =
				(await extract(sound, codec, alone, options)) ??
				(await join(picture, alone, target, sound.path, options));
			if (failure === undefined) {
				return undefined;
			}
			problem = failure;
		}
		return problem;
	} finally {
		await rm(alone, { force: true });
	}
};

/** The sound alone, on a clock that begins with the pictures. */
const extract = async (
	{ path, beginSeconds, durationSeconds }: SoundOfClip,
	codec: readonly string[],
	target: string,
	{ ffmpeg, signal }: Options,
): Promise<string | undefined> => {
	const limits = [
		...(beginSeconds > 0 ? ['-ss', beginSeconds.toFixed(6)] : []),
		...(durationSeconds === undefined ? [] : ['-t', durationSeconds.toFixed(6)]),
	];
	const outputs: FfmpegOutput[] = [
		{
			target: { file: target },
			options: [...limits, '-map', '0:a:0', ...codec, ...withoutExtras, '-f', 'mp4'],
		},
		// ffmpeg's time 0 of a transport stream is where the first of the tracks that are read begins; decoding reads this one.
		{ target: 'nowhere', options: [...limits, '-map', '0:V:0?', '-c', 'copy'] },
	];
	const { failure } = await askFfmpeg({
		inputs: [{ source: { file: path } }],
		outputs,
		about: path,
		ffmpeg,
		signal,
	});
	return failure === undefined ? undefined : 'it cannot be decoded';
};

const join = async (
	picture: string,
	sound: string,
	target: string,
	about: string,
	{ ffmpeg, signal }: Options,
): Promise<string | undefined> => {
	const { failure } = await askFfmpeg({
		// Both begin at the same moment, and neither is moved to its own beginning.
		inputs: [{ source: { file: picture }, options: ['-copyts'] }, { source: { file: sound } }],
		outputs: [
			{
				target: { file: target },
				options: [
					...['-map', '0:v:0', '-map', '1:a:0', '-c', 'copy', ...withoutExtras],
					...['-movflags', '+write_colr', '-f', 'mp4'],
				],
			},
		],
		...{ about, ffmpeg, signal },
	});
	return failure === undefined ? undefined : 'it holds nothing that can be played';
};

/** No titles, dates and chapters of the source; the same input gives the same bytes. */
export const withoutExtras: readonly string[] = [
	...['-map_metadata', '-1', '-map_chapters', '-1'],
	...['-fflags', '+bitexact', '-flags', '+bitexact'],
];
