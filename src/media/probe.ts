import { stat } from 'node:fs/promises';
import { throwIfAborted, UserError } from '../core/errors.js';
import { readFailure } from '../core/given-file.js';
import { openRegularFile } from '../core/regular-file.js';
import type { ClipInfo, Fraction } from './clip-info.js';
import { askFfmpeg } from './ffmpeg-process.js';
import { imageFormatOf } from './image-file.js';
import { type Mirroring, readMirroring, sampleCount } from './mp4-boxes.js';
import { type ListedTrack, readMatroskaHeader, readTrackList } from './probe-answers.js';
import { displayedSize, type VideoStream } from './video-stream.js';

/** A video file that was looked into: what users see of it, and what decoding needs to know. */
export type ProbedClip = {
	readonly path: string;
	readonly info: ClipInfo;
	readonly stream: VideoStream;
};

export type ProbeOptions = {
	readonly ffmpeg?: string | undefined;
	readonly signal?: AbortSignal | undefined;
};

/**
 * Looks into a video file: its tracks, how the first picture track is coded, and that track's first frame, whose size is
 * that of the pictures as ffmpeg turns them. The bundled ffmpeg has no ffprobe beside it, so what is needed is asked for
 * in formats that are made for programs.
 *
 * @throws UserError when the file is missing, a folder, empty, a playlist, not a video, or has no video track.
 */
export const probeClip = async (path: string, options: ProbeOptions = {}): Promise<ProbedClip> => {
	await requireOrdinaryFile(path);
	await refuseText(path);
	const { tracks, durationSeconds, isSeamless, failure } = await listTracks(path, options);
	if (tracks.length === 0) {
		if (imageFormatOf(await firstBytes(path, 64)) !== undefined) {
			throw new UserError(
				`"${path}" is a picture, not a video; give a video file, a folder of frames, or a pattern like "shot_%04d.png".`,
			);
		}
		throw failure ?? new UserError(`"${path}" is not a video that ffmpeg can read; give a video file.`);
	}
	const audio = tracks.find(({ type }) => type === 'audio')?.codec;
	const pictures = tracks.filter(({ type }) => type === 'video');
	const reasons: unknown[] = [];
	for (const [index, track] of pictures.entries()) {
		if (track.width === 0) {
			continue;
		}
		const mirroring = await readMirroring(path, index);
		const [first, header, samples] = await Promise.all([
			firstFrame(path, index, mirroring, options),
			copiedHeader(path, index, options),
			sampleCount(path, index),
		]);
		throwIfAborted(options.signal);
		if (first.track === undefined) {
			reasons.push(first.failure);
			continue;
		}
		const { width, height } = displayedSize(track, first.track);
		const rate = nominalRate(first.track, header.framesPerSecond);
		const framesPerSecond = header.framesPerSecond ?? rate.numerator / rate.denominator;
		return {
			path,
			info: {
				...{ width, height, rate, durationSeconds, audioCodec: audio, colour: header.colour },
				stored: { width: first.track.width, height: first.track.height },
				frameRate: rate.numerator / rate.denominator,
				tickSeconds: track.tickSeconds,
				estimatedFrames: estimate(durationSeconds, framesPerSecond, samples),
				hasAudio: audio !== undefined,
				timecode: header.timecode,
			},
			stream: {
				...{ index, mirroring, colour: header.colour },
				codedWidth: track.width,
				codedHeight: track.height,
				clockOfAudio: audio !== undefined && !isSeamless,
			},
		};
	}
	throw pictures.length === 0
		? new UserError(`"${path}" has no video, only audio; give a file with a video track.`)
		: (reasons.find((reason) => reason !== undefined) ??
				new UserError(`"${path}" has no video that can be decoded; give a file with a video track.`));
};

/** The sound may be longer than the pictures, and an edit list may leave out some of those that are there. */
const estimate = (
	durationSeconds: number | undefined,
	framesPerSecond: number,
	samples = Number.POSITIVE_INFINITY,
): number | undefined =>
	durationSeconds === undefined
		? undefined
		: Math.max(1, Math.min(samples, Math.round(durationSeconds * framesPerSecond)));

/** What the header tells of a file. Copies nothing: an output is needed for ffmpeg to be content. */
const listTracks = async (
	path: string,
	options: ProbeOptions,
): Promise<{
	tracks: ListedTrack[];
	durationSeconds: number | undefined;
	isSeamless: boolean;
	failure: unknown;
}> => {
	let durationSeconds: number | undefined;
	let isSeamless = false;
	const { output, failure } = await askFfmpeg({
		inputs: [{ source: { file: path } }],
		outputs: [
			{
				target: 'pipe',
				// Capital V: pictures that move, not the cover of a record.
				options: ['-map', '0:V?', '-map', '0:a?', '-c', 'copy', '-t', '0', '-f', 'framecrc'],
			},
		],
		...{ about: path, ffmpeg: options.ffmpeg, signal: options.signal },
		onStderrLine: (line) => {
			// Printed for people, and only for an estimate and for speed: without them, the run goes on all the same.
			durationSeconds ??= parseDuration(line);
			isSeamless ||= /^Input #0, (mov|matroska|avi)\b/.test(line);
		},
	});
	return { tracks: readTrackList(output.toString()), durationSeconds, isSeamless, failure };
};

const parseDuration = (line: string): number | undefined => {
	const match = /^\s*Duration: (\d+):(\d+):(\d+(?:\.\d+)?)/.exec(line);
	return match ? Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3]) : undefined;
};

/** The first frame as ffmpeg turns it, told of as a track of such frames; undefined when there is none. */
const firstFrame = async (
	path: string,
	index: number,
	mirroring: Mirroring | undefined,
	options: ProbeOptions,
): Promise<{ track: ListedTrack | undefined; failure: unknown }> => {
	let hasTime = false;
	const { output, failure } = await askFfmpeg({
		inputs: [{ source: { file: path }, options: mirroring ? ['-noautorotate'] : [] }],
		outputs: [
			{
				target: 'pipe',
				options: [
					...['-map', `0:V:${index}`, '-vf', [...(mirroring ? [mirroring] : []), 'showinfo'].join(',')],
					...['-frames:v', '1', '-f', 'framecrc'],
				],
			},
		],
		...{ about: path, ffmpeg: options.ffmpeg, signal: options.signal },
		onStderrLine: (line) => {
			hasTime ||= frameTimeOf(line) !== undefined;
		},
	});
	const text = output.toString();
	const track = /^0,/m.test(text) ? readTrackList(text)[0] : undefined;
	if (track !== undefined && !hasTime) {
		throw new UserError(
			'This ffmpeg does not tell the times of frames in a way that is known; name another one with --ffmpeg.',
		);
	}
	return { track, failure };
};

/** Ticks of the clock that the filter showinfo names, from one of its lines; undefined for any other line. */
export const frameTimeOf = (line: string): number | 'unknown' | undefined => {
	const pts = /\] n: *\d+ +pts: *(-?\d+|NOPTS)\b/.exec(line)?.[1];
	return pts === undefined ? undefined : pts === 'NOPTS' ? 'unknown' : Number(pts);
};

/** How the track's colours are coded, and more; nothing where it is of a kind that Matroska does not take. */
const copiedHeader = async (path: string, index: number, options: ProbeOptions) => {
	const { output } = await askFfmpeg({
		inputs: [{ source: { file: path } }],
		outputs: [
			{
				target: 'pipe',
				options: ['-map', `0:V:${index}`, '-c', 'copy', '-t', '0', '-map_chapters', '-1', '-f', 'matroska'],
			},
		],
		...{ about: path, ffmpeg: options.ffmpeg, signal: options.signal },
	});
	return readMatroskaHeader(output);
};

/** Frames in such a track are counted by its rate; what is too fast to be one is the clock of a variable rate. */
const nominalRate = ({ tickSeconds, tick }: ListedTrack, average: number | undefined): Fraction => {
	const rate = tick && { numerator: tick.denominator, denominator: tick.numerator };
	if (rate && (tickSeconds >= 1 / 500 || average === undefined)) {
		return rate;
	}
	return { numerator: Math.round((average ?? 25) * 1000), denominator: 1000 };
};

const requireOrdinaryFile = async (path: string): Promise<void> => {
	const stats = await stat(path).catch((error: unknown) => {
		throw readFailure(`"${path}"`, error);
	});
	if (stats.isDirectory()) {
		throw new UserError(`"${path}" is a folder; give a video file.`);
	}
	if (stats.size === 0 && stats.isFile()) {
		throw new UserError(`"${path}" is empty (0 bytes); copy or export it again.`);
	}
};

/**
 * Playlists are text that makes ffmpeg open other files of the disk, which the person never named; no real video
 * begins like one. Other text would make ffmpeg complain about details of a format that it guessed from the name.
 */
const refuseText = async (path: string): Promise<void> => {
	const start = await firstBytes(path, 512);
	const text = start
		.toString('latin1')
		.replace(/^\xef\xbb\xbf/, '')
		.trimStart();
	if (/^(#EXTM3U|ffconcat|v=0\s|\[playlist\]|file '|<\?xml|<MPD|<smil)/i.test(text)) {
		throw new UserError(
			`"${path}" is a playlist or text that points to other files; give the video file itself.`,
		);
	}
	const isText = start.every((byte) => byte >= 32 || (byte >= 9 && byte <= 13));
	if (isText && !text.startsWith('YUV4MPEG2')) {
		throw new UserError(`"${path}" is text, not a video; give a video file.`);
	}
};

const firstBytes = async (path: string, count: number): Promise<Buffer> => {
	const file = await openRegularFile(path).catch((error: unknown) => {
		throw readFailure(`"${path}"`, error);
	});
	try {
		const { bytesRead, buffer } = await file.read(Buffer.alloc(count), 0, count, 0);
		return buffer.subarray(0, bytesRead);
	} finally {
		await file.close();
	}
};
