import type { ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { AbortedError, messageOf } from '../errors.js';
import { findFfmpeg } from './ffmpeg-binary.js';
import { ffmpegFailure } from './ffmpeg-failure.js';

/** One input of ffmpeg: a file (by {@link fileUrl}), or a stream that goes to its stdin (at most one). */
export type FfmpegInput = {
	readonly source: string | Readable;
	readonly options?: readonly string[];
};

export type FfmpegJob = {
	readonly inputs: readonly FfmpegInput[];
	readonly outputOptions: readonly string[];
	/** A file (by {@link fileUrl}), or `'pipe'` to read the output from {@link FfmpegProcess.stdout}. */
	readonly output: string;
	/** The file to name in error messages, as the person gave it. */
	readonly about: string;
	/** Path or name of ffmpeg, as for `findFfmpeg`. */
	readonly ffmpeg?: string | undefined;
	readonly signal?: AbortSignal | undefined;
	readonly onStderrLine?: (line: string) => void;
};

/** A running ffmpeg. It is killed for good: nothing half-written is worth finishing. */
export type FfmpegProcess = {
	/** The output, when the job's output is `'pipe'`. Reading slowly slows ffmpeg down. */
	readonly stdout: Readable;
	/** Settles when the process is gone. Rejects with `UserError` on failure and `AbortedError` after a kill or abort. */
	readonly done: Promise<void>;
	/** Ends the process and waits until it is gone. */
	kill(): Promise<void>;
};

/** Stderr lines kept for the error message. */
const rememberedLines = 40;

/** Bytes of output held between ffmpeg and the reader; ffmpeg waits when they are full. */
const outputBufferBytes = 1 << 20;

/** A file's name as ffmpeg takes it literally: no `%d` patterns, options or protocols are read into it. */
export const fileUrl = (path: string): string => `file:${resolve(path)}`;

/** Options for an input file: only files may be opened, whatever a playlist or container refers to. */
export const inputSafety: readonly string[] = ['-protocol_whitelist', 'file,pipe'];

/**
 * Starts ffmpeg. This is the only place that touches fluent-ffmpeg, and no shell is involved.
 *
 * @throws UserError when no ffmpeg can be found; AbortedError when the signal has fired already.
 */
export const startFfmpeg = async (job: FfmpegJob): Promise<FfmpegProcess> => {
	const binary = await findFfmpeg(job.ffmpeg);
	if (job.signal?.aborted) {
		throw new AbortedError();
	}

	// Loaded here, because a run on still images does without.
	const { default: ffmpeg } = await import('fluent-ffmpeg');
	const command = ffmpeg();
	command.setFfmpegPath(binary.path);
	for (const { source, options = [] } of job.inputs) {
		command.input(source);
		if (options.length > 0) {
			command.inputOptions(...options);
		}
	}
	const stdout = new PassThrough({ highWaterMark: outputBufferBytes });
	// A reader that stops early destroys the stream; that is no error.
	stdout.on('error', () => {});
	if (job.output === 'pipe') {
		command.output(stdout);
	} else {
		command.output(job.output);
	}
	// fluent-ffmpeg does not take "file:" URLs for files, so it adds no -y; outputs are temporary names of our own.
	// Spread, never as one array: fluent-ffmpeg splits an array's options at spaces.
	command.outputOptions(...['-hide_banner', '-nostats', '-y'], ...job.outputOptions);

	const lines: string[] = [];
	let isCutShort = false;
	command.on('stderr', (line: string) => {
		lines.push(line);
		// ffmpeg 4 exits with 0 all the same: a full disk would leave half a file that counts as whole.
		isCutShort ||= /^Error (writing trailer|closing file)/.test(line);
		if (lines.length > rememberedLines) {
			lines.shift();
		}
		job.onStderrLine?.(line);
	});

	let killed = false;
	let child: ChildProcess | undefined;
	const killNow = (): void => {
		killed = true;
		// SIGKILL at once: an ffmpeg that is blocked writing to a full pipe does not act on gentler signals.
		child?.kill('SIGKILL');
		// The process counts as gone only when its pipes are closed, and nobody reads or writes them any more.
		child?.stdout?.destroy();
		child?.stdin?.destroy();
		stdout.end();
	};

	const done = new Promise<void>((fulfil, reject) => {
		const settle = (code: number | null, problem?: unknown): void => {
			job.signal?.removeEventListener('abort', killNow);
			if (killed) {
				reject(new AbortedError());
			} else if (code === 0 && !isCutShort) {
				fulfil();
			} else {
				reject(
					ffmpegFailure(job.about, lines.length > 0 ? lines : [messageOf(problem ?? `exit code ${code}`)]),
				);
			}
		};
		command.on('start', () => {
			// fluent-ffmpeg reports the end of a command before its process is gone; only the process itself can tell.
			child = (command as unknown as { ffmpegProc?: ChildProcess }).ffmpegProc;
			child?.once('close', (code) => settle(code));
			if (killed) {
				killNow();
			}
		});
		command.on('error', (error: unknown) => {
			if (child?.pid === undefined) {
				settle(null, error);
			}
		});
	});
	// If ffmpeg never started, nothing else would end the output for its reader. (Also: `done` may be awaited late.)
	done.catch(() => stdout.end());
	job.signal?.addEventListener('abort', killNow, { once: true });
	command.run();

	return {
		stdout,
		done,
		kill: async () => {
			killNow();
			await done.catch(() => {});
		},
	};
};
