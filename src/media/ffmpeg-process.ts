import { spawn } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { resolve } from 'node:path';
import { PassThrough, pipeline, Readable, type Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { AbortedError, messageOf } from '../core/errors.js';
import { findFfmpeg } from './ffmpeg-binary.js';
import { endOfFfmpeg, ffmpegFailure } from './ffmpeg-failure.js';

/** One input of ffmpeg: a file, or `'pipe'` for what is written to {@link FfmpegProcess.stdin} (at most one). */
type FfmpegInput = {
	readonly source: { readonly file: string } | 'pipe';
	readonly options?: readonly string[];
};

export type FfmpegOutput = {
	/** A file, `'pipe'` to read the output from {@link FfmpegProcess.stdout} (at most one), or nothing that is kept. */
	readonly target: { readonly file: string } | 'pipe' | 'nowhere';
	/** Options of this output, its format (`-f`) among them if it is written. */
	readonly options: readonly string[];
};

type FfmpegJob = {
	readonly inputs: readonly FfmpegInput[];
	readonly outputs: readonly FfmpegOutput[];
	/** The file to name in error messages, as the person gave it. */
	readonly about: string;
	/** Path or name of ffmpeg, as for `findFfmpeg`. */
	readonly ffmpeg?: string | undefined;
	readonly signal?: AbortSignal | undefined;
	readonly onStderrLine?: (line: string) => void;
};

/** A running ffmpeg. It is killed for good: nothing half-written is worth finishing. */
export type FfmpegProcess = {
	/** Takes the input `'pipe'`; writing fails quietly when ffmpeg is gone, which `done` tells. */
	readonly stdin: Writable;
	/** The output `'pipe'`. Reading slowly slows ffmpeg down. */
	readonly stdout: Readable;
	/** Settles when the process is gone. Rejects with `UserError` on failure and `AbortedError` after a kill or abort. */
	readonly done: Promise<void>;
	/** Ends the process and waits until it is gone. */
	kill(): Promise<void>;
};

/** Stderr lines kept for the error message. */
const rememberedLines = 40;

/** A line of stderr that has not ended is cut here: what a file makes ffmpeg say may be of any length. */
const longestLine = 4096;

/** Bytes of output held between ffmpeg and the reader; ffmpeg waits when they are full. */
const outputBufferBytes = 1 << 20;

/** A file's name as ffmpeg takes it literally: no `%d` patterns, options or protocols are read into it. */
const fileUrl = (path: string): string => `file:${resolve(path)}`;

/**
 * Containers that hold video themselves, by the names of ffmpeg's demuxers. Playlists, manifests, scripts and patterns of
 * image names are not among them: those make ffmpeg open other files, which the person never named.
 */
const containers: readonly string[] = [
	...[
		'mov',
		'matroska',
		'webm',
		'avi',
		'mpegts',
		'mpeg',
		'mxf',
		'asf',
		'asf_o',
		'flv',
		'live_flv',
		'ogg',
		'nut',
	],
	...[
		'dv',
		'gxf',
		'lxf',
		'wtv',
		'rm',
		'nuv',
		'swf',
		'ivf',
		'obu',
		'av1',
		'vc1',
		'vc1test',
		'vvc',
		'evc',
		'apv',
	],
	...[
		'h261',
		'h263',
		'h264',
		'hevc',
		'm4v',
		'mjpeg',
		'mpegvideo',
		'cavsvideo',
		'dirac',
		'dnxhd',
		'yuv4mpegpipe',
	],
	...[
		'gif',
		'apng',
		'webp_anim',
		'bink',
		'smk',
		'roq',
		'flic',
		'4xm',
		'mv',
		'r3d',
		'viv',
		'avs',
		'mods',
		'mtv',
		'kux',
	],
	// Sound alone, for the sentence that says so.
	...[
		'mp3',
		'wav',
		'w64',
		'aiff',
		'flac',
		'aac',
		'ac3',
		'eac3',
		'dts',
		'amr',
		'au',
		'caf',
		'ape',
		'wv',
		'tta',
	],
];

/** Options of every input: ffmpeg opens the files that it is given, by what it finds in them, and nothing that they refer to. */
const inputSafety: readonly string[] = [
	...['-protocol_whitelist', 'file,pipe'],
	...['-format_whitelist', containers.join(',')],
];

/** Options of an output that has each frame of its source once, however they are spaced; older versions call it vsync. */
export const everyFrame = async (ffmpeg: string | undefined): Promise<readonly string[]> => [
	(await findFfmpeg(ffmpeg)).options.has('fps_mode') ? '-fps_mode' : '-vsync',
	'passthrough',
];

/**
 * Starts ffmpeg; no shell is involved.
 *
 * @throws UserError when no ffmpeg can be found; AbortedError when the signal has fired already.
 */
export const startFfmpeg = async (job: FfmpegJob): Promise<FfmpegProcess> => {
	const binary = await findFfmpeg(job.ffmpeg);
	const { signal } = job;
	if (signal?.aborted) {
		throw new AbortedError();
	}
	const child = spawn(binary.path, commandLine(job), { windowsHide: true, stdio: 'pipe' });
	const stdout = new PassThrough({ highWaterMark: outputBufferBytes });
	for (const stream of [child.stdin, child.stdout, stdout]) {
		// A reader that stops early destroys its stream, and ffmpeg may go before its input ends: neither is an error here.
		stream.on('error', () => {});
	}
	child.stdout.pipe(stdout);

	const lines: string[] = [];
	let isCutShort = false;
	splitLines(child.stderr, (line) => {
		lines.push(line);
		// ffmpeg 4 exits with 0 all the same: a full disk would leave half a file that counts as whole.
		isCutShort ||= /^Error (writing trailer|closing file)/.test(line);
		if (lines.length > rememberedLines) {
			lines.shift();
		}
		job.onStderrLine?.(line);
	});

	let killed = false;
	const killNow = (): void => {
		killed = true;
		// SIGKILL at once: an ffmpeg that is blocked writing to a full pipe does not act on gentler signals.
		child.kill('SIGKILL');
		// The process counts as gone only when its pipes are closed, and nobody reads or writes them any more.
		child.stdout.destroy();
		child.stdin.destroy();
		stdout.end();
	};

	const done = new Promise<void>((fulfil, reject) => {
		const settle = (code: number | null, endedBy: NodeJS.Signals | null, problem?: unknown): void => {
			signal?.removeEventListener('abort', killNow);
			if (killed) {
				reject(new AbortedError());
			} else if (code === 0 && !isCutShort) {
				fulfil();
			} else if (endedBy !== null) {
				reject(endOfFfmpeg(job.about, endedBy));
			} else {
				const last = messageOf(problem ?? `exit code ${code}`);
				reject(ffmpegFailure(job.about, lines.length > 0 && code !== null ? lines : [last]));
			}
		};
		child.once('close', settle);
		child.once('error', (error) => {
			if (child.pid === undefined) {
				settle(null, null, error);
			}
		});
	});
	// If ffmpeg never started, nothing else would end the output for its reader. (Also: `done` may be awaited late.)
	done.catch(() => stdout.end());
	if (signal) {
		// One for each ffmpeg of a run, and a run may have many outputs.
		setMaxListeners(0, signal);
		signal.addEventListener('abort', killNow, { once: true });
	}
	return {
		stdin: child.stdin,
		stdout,
		done,
		kill: async () => {
			killNow();
			await done.catch(() => {});
		},
	};
};

/**
 * Runs ffmpeg to its end and returns what it wrote to the output `'pipe'`, and whether it was content.
 *
 * @param job `input` is what its input `'pipe'` gets
 * @throws AbortedError when the signal fires; a failure of ffmpeg is part of the answer.
 */
export const askFfmpeg = async (
	job: FfmpegJob & { readonly input?: Iterable<Uint8Array> },
	limitBytes = 1 << 22,
): Promise<{ readonly output: Buffer; readonly failure: unknown }> => {
	const process = await startFfmpeg(job);
	// An ffmpeg that has had enough closes its input; that is no failure in itself.
	pipeline(Readable.from(job.input ?? []), process.stdin, () => {});
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of process.stdout as AsyncIterable<Buffer>) {
		size += chunk.length;
		if (size > limitBytes) {
			await process.kill();
			throw new Error(`ffmpeg had more to say about "${job.about}" than expected.`);
		}
		chunks.push(chunk);
	}
	const failure = await process.done.then(
		() => undefined,
		(error: unknown) => error,
	);
	if (failure instanceof AbortedError) {
		throw failure;
	}
	return { output: Buffer.concat(chunks), failure };
};

const commandLine = ({ inputs, outputs }: FfmpegJob): string[] => [
	...['-hide_banner', '-nostats', '-y'],
	...(inputs.some(({ source }) => source === 'pipe') ? [] : ['-nostdin']),
	...inputs.flatMap(({ source, options = [] }) => [
		...options,
		...inputSafety,
		...['-i', source === 'pipe' ? 'pipe:0' : fileUrl(source.file)],
	]),
	...outputs.flatMap(({ target, options }) => [
		...options,
		...(target === 'nowhere' ? ['-f', 'null', '-'] : [target === 'pipe' ? 'pipe:1' : fileUrl(target.file)]),
	]),
];

const splitLines = (stream: Readable, take: (line: string) => void): void => {
	const decoder = new StringDecoder('utf8');
	let rest = '';
	stream.on('data', (chunk: Buffer) => {
		const parts = (rest + decoder.write(chunk)).split(/\r\n|\n|\r/);
		rest = (parts.pop() ?? '').slice(0, longestLine);
		for (const part of parts) {
			take(part.slice(0, longestLine));
		}
	});
	stream.on('end', () => {
		if (rest !== '') {
			take(rest);
		}
	});
	stream.on('error', () => {});
};
