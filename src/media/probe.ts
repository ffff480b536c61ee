import { open, stat } from 'node:fs/promises';
import { throwIfAborted, UserError } from '../errors.js';
import { fileUrl, inputSafety, startFfmpeg } from './ffmpeg-process.js';
import type { ClipInfo } from './frame.js';
import { readMirroring } from './mirroring.js';
import { parseProbe } from './probe-text.js';
import type { VideoStream } from './video-stream.js';

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
 * Looks into a video file without decoding it. The bundled ffmpeg has no ffprobe beside it, so this reads what ffmpeg
 * prints about its input.
 *
 * @throws UserError when the file is missing, a folder, empty, a playlist, not a video, or has no video track.
 */
export const probeClip = async (path: string, options: ProbeOptions = {}): Promise<ProbedClip> => {
	await requireOrdinaryFile(path);
	await refuseText(path);

	const lines: string[] = [];
	const process = await startFfmpeg({
		inputs: [{ source: fileUrl(path), options: inputSafety }],
		// Copies nothing: an output is needed for ffmpeg to be content.
		outputOptions: ['-map', '0', '-c', 'copy', '-t', '0', '-f', 'null'],
		output: '-',
		about: path,
		ffmpeg: options.ffmpeg,
		signal: options.signal,
		onStderrLine: (line) => lines.push(line),
	});
	const failure = await process.done.then(
		() => undefined,
		(error: unknown) => error,
	);

	const probed = parseProbe(lines);
	if (probed === undefined) {
		throw failure ?? new UserError(`"${path}" is not a video that ffmpeg can read; give a video file.`);
	}
	throwIfAborted(options.signal);
	if (probed.stream === undefined) {
		throw new UserError(
			probed.info.hasAudio
				? `"${path}" has no video, only audio; give a file with a video track.`
				: `"${path}" has no video that can be decoded; give a file with a video track.`,
		);
	}
	const { info, stream } = probed;
	const hasMatrix = lines.some((line) => line.includes('displaymatrix'));
	const mirroring = hasMatrix ? await readMirroring(path, stream.index) : undefined;
	return { path, info, stream: { ...stream, mirroring } };
};

const requireOrdinaryFile = async (path: string): Promise<void> => {
	const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
		throw new UserError(
			error.code === 'ENOENT' || error.code === 'ENOTDIR'
				? `"${path}" does not exist; check the path.`
				: `"${path}" cannot be opened (${error.code ?? error.message}); check its permissions.`,
		);
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
	const file = await open(path).catch((error: NodeJS.ErrnoException) => {
		throw new UserError(
			`"${path}" cannot be opened (${error.code ?? error.message}); check its permissions.`,
		);
	});
	try {
		const { bytesRead, buffer } = await file.read(Buffer.alloc(count), 0, count, 0);
		return buffer.subarray(0, bytesRead);
	} finally {
		await file.close();
	}
};
