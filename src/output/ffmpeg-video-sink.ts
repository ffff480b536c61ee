import { once } from 'node:events';
import { rename, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { requireFree, type WrittenFile, writeFailure } from '../core/atomic-file.js';
import { AbortedError, UserError } from '../core/errors.js';
import type { Raster } from '../core/frame.js';
import { temporaryPath } from '../core/temporary-names.js';
import type { ClipInfo } from '../media/clip-info.js';
import { findFfmpeg } from '../media/ffmpeg-binary.js';
import { everyFrame, type FfmpegProcess, startFfmpeg } from '../media/ffmpeg-process.js';
import { requireEncoder } from './encoder-limits.js';
import { clockOf, FrameTicks } from './frame-clock.js';
import { ReservedFile } from './growing-file.js';
import { setLastFrameDurationInMp4, setTimesInMatroska } from './last-frame-duration.js';
import type { VideoFormat } from './output-format.js';
import { addSound, withoutExtras } from './source-sound.js';
import { timecodeAt } from './timecode.js';
import { timedRawVideoFrameHeader, timedRawVideoHeader } from './timed-raw-video.js';
import { colourOptions } from './video-colours.js';
import type { Existing, FrameResult, VideoSink } from './video-sink.js';

export type VideoSinkOptions = {
	/** The clip that the results belong to: its frame rate and colour coding are kept. */
	readonly clip: ClipInfo;
	/** The video file whose sound to take along, in formats that have sound. */
	readonly audioFrom?: string | undefined;
	/** Time in the source that becomes the beginning of the output; see `openSink`. */
	readonly beginSeconds?: number | undefined;
	/** The frames are only a part of the source, so the sound has to end with them. */
	readonly isExcerpt?: boolean | undefined;
	/** Colours multiplied by alpha, instead of straight ones. */
	readonly premultiplied?: boolean | undefined;
	readonly ffmpeg?: string | undefined;
	readonly signal?: AbortSignal | undefined;
	/** Told, in a sentence, what is missing from an output that is good otherwise. */
	readonly onNote?: ((sentence: string) => void) | undefined;
};

/**
 * A video made by ffmpeg, with exactly the frames that are written, each at its own time: the frames go to ffmpeg in a
 * stream with timestamps, and no rate is imposed. The file has another name until it is complete, and it is complete when
 * as many frames can be read from it as were written.
 *
 * @throws UserError when the file exists (unless `existing` allows it), its folder cannot be written, or this ffmpeg cannot code
 * frames of this size.
 */
export const openFfmpegVideoSink = async (
	path: string,
	format: VideoFormat,
	existing: Existing,
	options: VideoSinkOptions,
): Promise<VideoSink> => {
	await requireFree([path], existing !== 'refuse');
	await requireEncoder(path, format, options);
	const { place, file } = await ReservedFile.take(path, existing);
	await file.close();
	return new FfmpegVideoSink(path, place, format, options);
};

type Running = {
	readonly process: FfmpegProcess;
	readonly size: string;
	/** Rejects when ffmpeg is gone, so that nobody waits for it to take more. */
	readonly gone: Promise<never>;
};

class FfmpegVideoSink implements VideoSink {
	readonly #clock: number;
	readonly #ticks: FrameTicks;
	#running: Running | undefined;
	#frames = 0;

	constructor(
		private readonly path: string,
		private readonly place: ReservedFile,
		private readonly format: VideoFormat,
		private readonly options: VideoSinkOptions,
	) {
		this.#clock = clockOf(options.clip);
		this.#ticks = new FrameTicks(
			options.clip,
			this.#clock,
			isMp4(format) ? 1 : Math.ceil(this.#clock / 1000),
		);
	}

	async write(result: FrameResult): Promise<void> {
		const image = this.format.render(result, { premultiplied: this.options.premultiplied ?? false });
		// Started by the first frame, because its size is part of the command.
		this.#running ??= await this.#start(image);
		const { size } = this.#running;
		if (sizeOf(image) !== size) {
			throw new Error(`A frame of ${sizeOf(image)} was written to a video of ${size}.`);
		}
		const time = Math.max(0, result.frame.timeSeconds - (this.options.beginSeconds ?? 0));
		const tick = this.#ticks.next(time);
		await this.#send(timedRawVideoFrameHeader(tick / this.#clock, image.data.length));
		await this.#send(image.data);
		this.#frames++;
	}

	async finish(): Promise<readonly WrittenFile[]> {
		if (!this.#running) {
			await this.abort();
			throw new Error('No frame was written.');
		}
		try {
			this.#running.process.stdin.end();
			await this.#running.process.done;
			// First the times: readers leave out a last frame that lasts no time.
			await this.#setTimes();
			await this.#requireFrames();
			await this.#addSound();
			return [await this.place.finish()];
		} catch (error) {
			await this.abort();
			throw writeFailure(this.path, error);
		}
	}

	async abort(): Promise<void> {
		await this.#running?.process.kill();
		await this.place.abort();
	}

	async #start(image: Raster): Promise<Running> {
		const { format, options, path, place } = this;
		const { clip, ffmpeg, signal, beginSeconds = 0 } = options;
		const timecode = timecodeAt(clip, beginSeconds);
		const { filters } = await findFfmpeg(ffmpeg);
		const process = await startFfmpeg({
			inputs: [
				{
					source: 'pipe',
					options: [
						// Everything is in the header; looking further would only hold frames back.
						...['-probesize', '32', '-analyzeduration', '0', '-fpsprobesize', '0'],
						// Times stay as they are: ffmpeg would move the first frame to time 0.
						...['-copyts', '-f', 'matroska'],
					],
				},
			],
			outputs: [
				{
					target: { file: place.partial },
					options: [
						...['-map', '0:v:0', ...(await everyFrame(ffmpeg)), '-enc_time_base', `1:${this.#clock}`],
						...(isMp4(format)
							? ['-movflags', '+write_colr', '-video_track_timescale', String(this.#clock)]
							: []),
						...format.codec,
						...colourOptions(format, image, clip, filters),
						...withoutExtras,
						...(timecode === undefined ? [] : timecodeOptions(format, timecode)),
						...['-f', format.muxer],
					],
				},
			],
			...{ about: path, ffmpeg, signal },
		});
		process.stdin.write(timedRawVideoHeader(image.width, image.height, format.channels, clip.rate));
		const gone = process.done.then(() => {
			throw new Error('ffmpeg ended before the last frame.');
		});
		gone.catch(() => {});
		return { process, gone, size: sizeOf(image) };
	}

	/** Waits until ffmpeg has taken the bytes, or tells why it never will. */
	async #send(bytes: Uint8Array): Promise<void> {
		const running = this.#running;
		if (running && !running.process.stdin.write(bytes)) {
			// A pipe that breaks only says that ffmpeg is gone; ffmpeg says why.
			const drained = once(running.process.stdin, 'drain').catch(() => running.gone);
			await Promise.race([drained, running.gone]);
		}
	}

	/** Encoders have left frames out, and ffmpeg was content. */
	async #requireFrames(): Promise<void> {
		const written = await this.#countFrames(this.place.partial);
		if (written !== this.#frames) {
			throw new UserError(
				`"${this.path}" would hold ${written} of ${this.#frames} frames: this ffmpeg failed to code the others, without saying why; name another ffmpeg with --ffmpeg, or choose another format.`,
			);
		}
	}

	/** Frames that can be read from a file: ffmpeg lists them, a line each. */
	async #countFrames(file: string): Promise<number> {
		const process = await startFfmpeg({
			inputs: [{ source: { file } }],
			outputs: [{ target: 'pipe', options: ['-map', '0:v:0', '-c', 'copy', '-f', 'framecrc'] }],
			...{ about: this.path, ffmpeg: this.options.ffmpeg, signal: this.options.signal },
		});
		process.stdin.end();
		let frames = 0;
		for await (const line of createInterface({ input: process.stdout })) {
			frames += line.startsWith('0,') ? 1 : 0;
		}
		// A file that can't be read to its end has too few.
		await process.done.catch(throwIfCancelled);
		return frames;
	}

	async #setTimes(): Promise<void> {
		const { lastDurationSeconds, endSeconds, isConstant } = this.#ticks;
		if (isMp4(this.format)) {
			await setLastFrameDurationInMp4(this.place.partial, lastDurationSeconds);
		} else {
			await setTimesInMatroska(this.place.partial, { durationSeconds: endSeconds, isConstant });
		}
	}

	/** When the pictures are safe: whatever is wrong with the sound, they are kept. */
	async #addSound(): Promise<void> {
		const { clip, audioFrom, beginSeconds = 0, isExcerpt = false, onNote } = this.options;
		if (!this.format.audio || !clip.hasAudio || audioFrom === undefined) {
			return;
		}
		const joined = temporaryPath(this.path);
		const { endSeconds } = this.#ticks;
		try {
			const sound = {
				...{ path: audioFrom, codec: clip.audioCodec, beginSeconds },
				durationSeconds: isExcerpt ? endSeconds : undefined,
			};
			const problem =
				(await addSound(this.place.partial, joined, sound, this.path, this.options)) ??
				((await this.#countFrames(joined)) === this.#frames ? undefined : 'the two cannot be joined');
			if (problem === undefined) {
				await rename(joined, this.place.partial);
			} else {
				onNote?.(`"${this.path}" has no sound: that of "${audioFrom}" is left out, because ${problem}.`);
			}
		} finally {
			await rm(joined, { force: true });
		}
	}
}

const isMp4 = ({ muxer }: VideoFormat): boolean => muxer === 'mp4' || muxer === 'mov';

const sizeOf = ({ width, height }: Raster): string => `${width}×${height}`;

/** A track of its own in QuickTime, a tag in Matroska. */
const timecodeOptions = (format: VideoFormat, timecode: string): string[] =>
	isMp4(format) ? ['-timecode', timecode] : ['-metadata:s:v:0', `timecode=${timecode}`];

const throwIfCancelled = (error: unknown): void => {
	if (error instanceof AbortedError) {
		throw error;
	}
};
