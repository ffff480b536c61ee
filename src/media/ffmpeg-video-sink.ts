import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { type WrittenFile, writeFailure } from './atomic-file.js';
import { type FfmpegInput, type FfmpegProcess, fileUrl, inputSafety, startFfmpeg } from './ffmpeg-process.js';
import type { ClipInfo, Raster } from './frame.js';
import { ReservedFile } from './growing-file.js';
import { setDurationInMatroska, setLastFrameDurationInMp4 } from './last-frame-duration.js';
import type { VideoFormat } from './output-format.js';
import { timedRawVideoFrameHeader, timedRawVideoHeader } from './timed-raw-video.js';
import type { Existing, FrameResult, VideoSink } from './video-sink.js';
import { effectiveMatrix, isHighDynamicRange } from './video-stream.js';

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
};

/**
 * A video made by ffmpeg, with exactly the frames that are written, each at its own time: the frames go to ffmpeg in a
 * stream with timestamps, and no rate is imposed. The file has another name until it is complete.
 *
 * @throws UserError when the file exists (unless `existing` allows it) or its folder cannot be written.
 */
export const openFfmpegVideoSink = async (
	path: string,
	format: VideoFormat,
	existing: Existing,
	options: VideoSinkOptions,
): Promise<VideoSink> => {
	const { place, file } = await ReservedFile.take(path, existing);
	await file.close();
	return new FfmpegVideoSink(path, place, format, options);
};

type Running = {
	readonly process: FfmpegProcess;
	readonly input: PassThrough;
	readonly size: string;
	/** Rejects when ffmpeg is gone, so that nobody waits for it to take more. */
	readonly gone: Promise<never>;
};

class FfmpegVideoSink implements VideoSink {
	#running: Running | undefined;
	#lastTimes: number[] = [];

	constructor(
		private readonly path: string,
		private readonly place: ReservedFile,
		private readonly format: VideoFormat,
		private readonly options: VideoSinkOptions,
	) {}

	async write(result: FrameResult): Promise<void> {
		const image = this.format.render(result, { premultiplied: this.options.premultiplied ?? false });
		const timeSeconds = this.#timeOf(result);
		// Started by the first frame, because its time and size are part of the command.
		this.#running ??= await this.#start(image, timeSeconds);
		const { size } = this.#running;
		if (sizeOf(image) !== size) {
			throw new Error(`A frame of ${sizeOf(image)} was written to a video of ${size}.`);
		}
		this.#lastTimes = [...this.#lastTimes.slice(-1), timeSeconds];
		await this.#send(timedRawVideoFrameHeader(timeSeconds, image.data.length));
		await this.#send(image.data);
	}

	async finish(): Promise<readonly WrittenFile[]> {
		if (!this.#running) {
			await this.abort();
			throw new Error('No frame was written.');
		}
		try {
			this.#running.input.end();
			await this.#running.process.done;
			await this.#setLength();
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

	/** Later than the frame before in any case: ffmpeg would drop one of two frames at the same time. */
	#timeOf({ frame }: FrameResult): number {
		const time = Math.max(0, frame.timeSeconds - (this.options.beginSeconds ?? 0));
		const previous = this.#lastTimes.at(-1);
		return previous === undefined ? time : Math.max(time, previous + smallestStepSeconds);
	}

	async #start(image: Raster, firstTimeSeconds: number): Promise<Running> {
		const { format, options, path, place } = this;
		const input = new PassThrough();
		input.on('error', () => {});
		const sound = format.audio && options.clip.hasAudio ? options.audioFrom : undefined;
		const process = await startFfmpeg({
			inputs: [
				{
					source: input,
					options: [
						// Everything is in the header; looking further would only hold frames back.
						...['-probesize', '32', '-analyzeduration', '0', '-fpsprobesize', '0'],
						// ffmpeg moves the first frame of each input to time 0; this moves it back to where it belongs.
						...['-itsoffset', firstTimeSeconds.toFixed(6), '-f', 'matroska'],
					],
				},
				...(sound ? [soundInput(sound, options)] : []),
			],
			outputOptions: [
				...['-map', '0:v:0', ...(sound ? soundOutput(options) : [])],
				...['-vsync', 'passthrough', '-enc_time_base', `1:${clockOf(format)}`],
				...(isMp4(format)
					? ['-movflags', '+write_colr', '-video_track_timescale', String(clockOf(format))]
					: []),
				...format.codec,
				...colourOptions(format, image, options.clip),
				// The same input gives the same bytes.
				...['-map_metadata', '-1', '-fflags', '+bitexact', '-flags:v', '+bitexact', '-flags:a', '+bitexact'],
				...['-f', format.muxer],
			],
			output: fileUrl(place.partial),
			about: path,
			ffmpeg: options.ffmpeg,
			signal: options.signal,
		});
		input.write(timedRawVideoHeader(image.width, image.height, format.channels));
		const gone = process.done.then(() => {
			throw new Error('ffmpeg ended before the last frame.');
		});
		gone.catch(() => {});
		return { process, input, gone, size: sizeOf(image) };
	}

	/** Waits until ffmpeg has taken the bytes, or tells why it never will. */
	async #send(bytes: Uint8Array): Promise<void> {
		if (this.#running && !this.#running.input.write(bytes)) {
			await Promise.race([once(this.#running.input, 'drain'), this.#running.gone]);
		}
	}

	/** The last frame lasts as long as the one before. */
	async #setLength(): Promise<void> {
		const [before, last = 0] = this.#lastTimes.length > 1 ? this.#lastTimes : [undefined, this.#lastTimes[0]];
		const seconds = before === undefined ? 1 / this.options.clip.frameRate : last - before;
		if (isMp4(this.format)) {
			await setLastFrameDurationInMp4(this.place.partial, seconds);
		} else {
			await setDurationInMatroska(this.place.partial, last + seconds);
		}
	}
}

/** A tick of Matroska's and WebM's clock. */
const smallestStepSeconds = 0.001;

/** Matroska counts milliseconds; 90 kHz is the usual clock of video in MP4, a multiple of all common frame rates. */
const clockOf = (format: VideoFormat): number => (isMp4(format) ? 90_000 : 1000);

const isMp4 = ({ muxer }: VideoFormat): boolean => muxer === 'mp4' || muxer === 'mov';

const sizeOf = ({ width, height }: Raster): string => `${width}×${height}`;

const soundInput = (path: string, { beginSeconds }: VideoSinkOptions): FfmpegInput => ({
	source: fileUrl(path),
	options: [...(beginSeconds ? ['-ss', beginSeconds.toFixed(6)] : []), ...inputSafety],
});

/** Codecs that MP4 takes as they are; other sound is coded anew. */
const soundOfMp4 = new Set(['aac', 'mp3', 'ac3', 'eac3', 'alac']);

const soundOutput = ({ clip, isExcerpt }: VideoSinkOptions): string[] => [
	...['-map', '1:a:0'],
	...(soundOfMp4.has(clip.audioCodec ?? '') ? ['-c:a', 'copy'] : ['-c:a', 'aac', '-b:a', '192k']),
	...(isExcerpt ? ['-shortest'] : []),
];

/** From full-range RGB or grey to the coding of the source, written into the file as tags. */
const colourOptions = (format: VideoFormat, { width, height }: Raster, clip: ClipInfo): string[] => {
	const pixelFormat = width % 2 === 0 && height % 2 === 0 ? format.pixelFormat.even : format.pixelFormat.odd;
	if (!pixelFormat.startsWith('yuv')) {
		return ['-pix_fmt', pixelFormat];
	}
	const colour = clip.colour ?? {
		range: undefined,
		matrix: undefined,
		primaries: undefined,
		transfer: undefined,
	};
	// High dynamic range was brought to BT.709 in decoding. A matte's levels have no colours: BT.709, limited range.
	const plain = format.channels === 1 || clip.colour === undefined || isHighDynamicRange({ colour });
	const source = effectiveMatrix({ codedWidth: clip.width, codedHeight: clip.height, colour });
	const matrix = plain || source !== 'bt601' ? 'bt709' : 'smpte170m';
	const range = plain || format.channels === 4 ? 'tv' : (colour.range ?? 'tv');
	// Grey has no use for a matrix, and with one ffmpeg goes through RGB, which tints it by rounding.
	const conversion = format.channels === 1 ? '' : `out_color_matrix=${matrix}:`;
	return [
		...['-vf', `scale=in_range=pc:${conversion}out_range=${range},format=${pixelFormat}`],
		...['-colorspace', matrix, '-color_primaries', matrix, '-color_trc', 'bt709', '-color_range', range],
		// ProRes says it in each frame too, and its encoder writes "unknown" there whatever the options are.
		...(format.codec.includes('prores_ks')
			? ['-bsf:v', `prores_metadata=colorspace=${matrix}:color_primaries=${matrix}:color_trc=bt709`]
			: []),
	];
};
