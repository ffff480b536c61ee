import { pipeline, type Readable, Transform } from 'node:stream';
import { handled } from '../core/concurrency.js';
import { discard } from '../core/discard.js';
import { OutsideClip, UserError } from '../core/errors.js';
import type { Frame, Raster } from '../core/frame.js';
import { findFfmpeg } from './ffmpeg-binary.js';
import { everyFrame, startFfmpeg } from './ffmpeg-process.js';
import { FramePool } from './frame-pool.js';
import type { Position } from './position.js';
import { frameTimeOf, type ProbedClip } from './probe.js';
import { effectiveMatrix, isHighDynamicRange, type VideoStream } from './video-stream.js';

export type DecodeOptions = {
	/** First frame to decode, included. */
	readonly start?: Position | undefined;
	/** First frame not to decode any more. */
	readonly end?: Position | undefined;
	readonly signal?: AbortSignal | undefined;
	readonly ffmpeg?: string | undefined;
	/** Where frames take their memory from; see {@link FramePool}. New memory when omitted. */
	readonly pool?: FramePool | undefined;
};

/**
 * The frames of a video file as displayed, each exactly once: none is dropped or repeated to reach a constant rate,
 * and each carries its own presentation time. One frame is in memory at a time; ffmpeg waits for a slow reader, and
 * leaving the loop early ends it.
 *
 * @throws UserError when the file cannot be decoded or the range holds no frame; AbortedError when cancelled.
 */
export async function* decodeFrames(
	clip: ProbedClip,
	options: DecodeOptions = {},
): AsyncGenerator<Frame, void, void> {
	const { width, height } = clip.info;
	const times = new FrameTimes(clip.info.frameRate);
	const { filters } = await findFfmpeg(options.ffmpeg);
	const process = await startFfmpeg({
		inputs: [
			{
				source: { file: clip.path },
				options: clip.stream.mirroring ? ['-noautorotate'] : [],
			},
		],
		outputs: [
			{
				target: 'pipe',
				options: [
					...['-map', `0:V:${clip.stream.index}`],
					...['-vf', filterChain(clip, options, filters)],
					...(await everyFrame(options.ffmpeg)),
					...['-f', 'rawvideo', '-pix_fmt', 'rgb24'],
				],
			},
			...(clip.stream.clockOfAudio
				? [
						{
							target: 'nowhere' as const,
							options: ['-map', '0:a:0', '-c', 'copy', ...until(options.end, clip.info.frameRate)],
						},
					]
				: []),
		],
		about: clip.path,
		ffmpeg: options.ffmpeg,
		signal: options.signal,
		onStderrLine: (line) => times.read(line),
	});

	const done = handled(process.done.finally(() => times.end()));
	process.stdin.end();
	let index = 0;
	try {
		for await (const data of piecesOf(process.stdout, width * height * 3, options.pool ?? new FramePool())) {
			const image: Raster<3> = { width, height, channels: 3, data };
			yield { index, timeSeconds: await times.next(), image };
			index++;
		}
		await done;
	} finally {
		await process.kill();
	}
	if (index === 0) {
		throw options.start || options.end
			? new OutsideClip(
					`"${clip.path}" has no frame in the given range; check --start and --end against its length.`,
				)
			: new UserError(`"${clip.path}" holds no frame that can be decoded; it is damaged or cut short.`);
	}
}

/** Well behind the end, in seconds: what is read along must not make ffmpeg read the rest of a long file. */
const until = (end: Position | undefined, frameRate: number): string[] =>
	end === undefined
		? []
		: ['-t', (('frame' in end ? end.frame / frameRate : end.seconds) * 2 + 10).toFixed(3)];

/** Trim, report times, and turn the stored samples into displayed sRGB. Turns are undone by ffmpeg before these. */
const filterChain = (
	{ info, stream }: ProbedClip,
	{ start, end }: DecodeOptions,
	available: ReadonlySet<string>,
): string => {
	const limits = [
		start && ('frame' in start ? `start_frame=${start.frame}` : `start=${start.seconds}`),
		end && ('frame' in end ? `end_frame=${end.frame}` : `end=${end.seconds}`),
	].filter((limit) => limit !== undefined);
	return [
		...(limits.length > 0 ? [`trim=${limits.join(':')}`] : []),
		'showinfo',
		...(stream.mirroring ? [stream.mirroring] : []),
		...(available.has('setparams') ? understandableTags(stream) : []),
		...(isHighDynamicRange(stream) ? toneMapping(stream) : []),
		`scale=${info.width}:${info.height}:${inputColour(stream)}`,
		'format=rgb24',
	].join(',');
};

const inputColour = (stream: VideoStream): string => {
	if (isHighDynamicRange(stream)) {
		return 'in_color_matrix=bt709:in_range=tv';
	}
	const range = stream.colour.range ? `:in_range=${stream.colour.range}` : '';
	return `in_color_matrix=${effectiveMatrix(stream)}${range}`;
};

/** Matrices that every scaling filter knows. */
const plainMatrices: ReadonlySet<string | undefined> = new Set([
	...[undefined, 'bt709', 'fcc', 'bt470bg', 'smpte170m', 'smpte240m', 'bt2020nc', 'gbr', 'rgb'],
]);
const matrixNames = {
	...{ bt709: 'bt709', bt601: 'smpte170m', bt2020: 'bt2020nc', smpte240m: 'smpte240m' },
} as const;

/**
 * Filters refuse pictures whose tags they don't know (ICtCp, logarithmic curves) or that say only half (the curve of PQ without its
 * primaries), also where they are told what to assume: such tags are replaced by what is assumed.
 */
const understandableTags = (stream: VideoStream): string[] => {
	const { matrix, primaries, transfer } = stream.colour;
	if (isHighDynamicRange(stream)) {
		return matrix === 'bt2020nc' && primaries === 'bt2020'
			? []
			: [`setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc=${transfer}`];
	}
	return plainMatrices.has(matrix) && !/^log/.test(transfer ?? '')
		? []
		: [`setparams=colorspace=${matrixNames[effectiveMatrix(stream)]}:color_trc=bt709`];
};

/** To standard range through linear light with a filmic curve; the usual zscale and tonemap chain of the ffmpeg manual. */
const toneMapping = (stream: VideoStream): string[] => [
	`zscale=tin=${stream.colour.transfer}:min=2020_ncl:pin=2020:rin=${stream.colour.range === 'pc' ? 'full' : 'limited'}:t=linear:npl=203`,
	'format=gbrpf32le',
	'zscale=p=709',
	'tonemap=hable:desat=0',
	'zscale=t=709:m=709:r=limited',
	'format=yuv444p',
];

/** Cuts a byte stream into pieces of a fixed size, each in memory of its own, which all threads can see without a copy. */
const piecesOf = (stream: Readable, size: number, pool: FramePool): AsyncIterable<Uint8Array> => {
	let piece = pool.take(size);
	let filled = 0;
	const cutter = new Transform({
		readableObjectMode: true,
		// One piece is ready while the next is filled; what is behind it waits in ffmpeg.
		readableHighWaterMark: 1,
		transform(chunk: Buffer, _encoding, done) {
			for (let at = 0; at < chunk.length; ) {
				const taken = Math.min(size - filled, chunk.length - at);
				piece.set(chunk.subarray(at, at + taken), filled);
				filled += taken;
				at += taken;
				if (filled === size) {
					this.push(piece);
					piece = pool.take(size);
					filled = 0;
				}
			}
			if (chunk.length === chunk.buffer.byteLength) {
				discard([chunk]);
			}
			done();
		},
	});
	// What goes wrong with the stream, the reader of the pieces gets to know.
	return pipeline(stream, cutter, () => {});
};

/**
 * Presentation times from the lines of ffmpeg's showinfo filter. A line is written before its frame, but on another
 * pipe, so the frame may be here first and has to wait.
 */
class FrameTimes {
	readonly #known: number[] = [];
	#waiting: { fulfil: (timeSeconds: number) => void; reject: (error: Error) => void } | undefined;
	#hasEnded = false;
	#tickSeconds = 0;
	#latest: number | undefined;

	constructor(private readonly frameRate: number) {}

	read(line: string): void {
		const timeBase = /config in time_base: (\d+)\/(\d+)/.exec(line);
		if (timeBase) {
			this.#tickSeconds = Number(timeBase[1]) / Number(timeBase[2]);
			return;
		}
		// The printed pts_time has six digits only, too few for a long clip.
		const ticks = frameTimeOf(line);
		if (ticks === undefined) {
			return;
		}
		const following = this.#latest === undefined ? 0 : this.#latest + 1 / this.frameRate;
		this.#latest = ticks === 'unknown' ? following : ticks * this.#tickSeconds;
		const waiting = this.#waiting;
		this.#waiting = undefined;
		if (waiting) {
			waiting.fulfil(this.#latest);
		} else {
			this.#known.push(this.#latest);
		}
	}

	next(): Promise<number> {
		const known = this.#known.shift();
		if (known !== undefined) {
			return Promise.resolve(known);
		}
		if (this.#hasEnded) {
			return Promise.reject(new Error(timesAreMissing));
		}
		return new Promise((fulfil, reject) => {
			this.#waiting = { fulfil, reject };
		});
	}

	/** ffmpeg is gone: nothing more will come. */
	end(): void {
		this.#hasEnded = true;
		this.#waiting?.reject(new Error(timesAreMissing));
	}
}

const timesAreMissing = 'ffmpeg gave a frame without its time.';
