import { extname, parse } from 'node:path';
import { framesBetween, type RunRange } from '../corrections/frame-range.js';
import { type PaintedMask, readKeyframes } from '../corrections/read-keyframes.js';
import { ReviewSheet } from '../corrections/review-sheet.js';
import { ScratchFolder } from '../corrections/scratch-folder.js';
import { throwIfAborted, UserError } from '../errors.js';
import { type Clip, openClip } from '../media/clip.js';
import { openSink } from '../media/encode.js';
import type { Frame } from '../media/frame.js';
import { resolveFormat } from '../media/output-format.js';
import { parsePosition } from '../media/position.js';
import type { VideoSink } from '../media/video-sink.js';
import { loadPreset } from '../presets/load-preset.js';
import { type Quality, withQuality } from '../presets/quality.js';
import { type Stage, StageClock } from '../propagation/stage-clock.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { maskFrames, requireFramesOfRun } from './mask-frames.js';
import { openEngine } from './open-engine.js';

export type PropagateClipJob = RuntimeOptions & {
	/** Video file, folder of frames, or pattern of frame names. */
	readonly input: string;
	/** Painted masks and the frames they belong to: indexed PNG, grey, or any image with alpha. */
	readonly masks: readonly PaintedMask[];
	/** Folders or files to write; the extension says the format. One folder beside nothing else when empty. */
	readonly outputs: readonly string[];
	/** Name of a format, when the outputs' names do not say. */
	readonly format?: string | undefined;
	readonly model?: string | undefined;
	readonly preset?: string | undefined;
	/** Replaces the preset's own choice between speed and quality. */
	readonly quality?: Quality | undefined;
	/** First frame to use, and the first not to use any more: a frame number, or a time like `1.5s`. */
	readonly start?: string | undefined;
	readonly end?: string | undefined;
	readonly ffmpeg?: string | undefined;
	readonly overwrite?: boolean | undefined;
	/** Image to write, with the frames that are trusted least. */
	readonly review?: string | undefined;
	/** False: use nothing that earlier runs have left, and leave nothing. */
	readonly cache?: boolean | undefined;
	readonly signal?: AbortSignal | undefined;
	readonly onFrame?: ((progress: FrameProgress) => void) | undefined;
};

/** A frame is done. */
export type FrameProgress = {
	/** From 0, among the frames of this run. */
	readonly frame: number;
	/** Estimated number of frames; undefined when the container does not say. */
	readonly total: number | undefined;
	/** In the source. */
	readonly timeSeconds: number;
	/** 0..1: how far this frame's mask can be trusted. */
	readonly confidence: number;
};

export type PropagateClipResult = {
	readonly frames: number;
	/** How many of them had to be computed: the others were painted, or found in an earlier run. */
	readonly computedFrames: number;
	readonly objects: number;
	readonly outputs: readonly string[];
	readonly model: string;
	readonly preset: string;
	/** From the opened clip to the finished files; loading the model counts. */
	readonly seconds: number;
	readonly framesPerSecond: number;
	/** Milliseconds in each stage; stages overlap, so the sum may exceed the time that passed. */
	readonly stages: Record<Stage, number>;
	readonly meanConfidence: number;
};

/**
 * Carries painted masks through a clip, from each in both directions, and writes the results: what `propagate <clip> --mask <png>`
 * does. Outputs appear under their own names when they are complete; finished PNGs stay when the run is cancelled.
 *
 * @throws UserError for bad input; nothing has been written then
 * @throws AbortedError when the signal fires
 */
export const propagateClip = async (job: PropagateClipJob): Promise<PropagateClipResult> => {
	const started = performance.now();
	const { signal } = job;
	const range: RunRange = {
		signal,
		start: job.start === undefined ? undefined : parsePosition(job.start),
		end: job.end === undefined ? undefined : parsePosition(job.end),
	};
	const review =
		job.review === undefined ? undefined : await ReviewSheet.open(job.review, job.overwrite === true);
	const preset = withQuality(await loadPreset(job.preset), job.quality);
	const clip = await openClip(job.input, { ffmpeg: job.ffmpeg, signal });
	if (job.masks.length === 0) {
		throw new UserError('There is no mask; paint the object on the first frame and give it with --mask.');
	}
	const keyframes = await readKeyframes(job.masks, clip.info);
	const first = await firstFrame(clip, range);
	await requireFramesOfRun(clip, range, job.masks);

	const engine = await openEngine(job.model ?? preset.model, { ...job, precision: preset.precision });
	const clock = new StageClock();
	const scratch = new ScratchFolder();
	let outputs: Outputs | undefined;
	try {
		outputs = await openOutputs(clip, job, first);
		const total = range.start || range.end ? undefined : clip.info.estimatedFrames;
		let count = 0;
		let confidenceSum = 0;
		let computedFrames = 0;
		const masked = maskFrames({
			...{ clip, range, engine, keyframes, clock, signal },
			settings: preset.propagation,
			cache: job.cache !== false,
			scratchFolder: scratch.path,
		});
		for await (const { frame, mask: labels, confidence, painted, computed } of masked) {
			throwIfAborted(signal);
			await clock.measure('encode', () =>
				Promise.all(outputs?.sinks.map((sink) => sink.write({ frame, labels })) ?? []),
			);
			count++;
			computedFrames += computed ? 1 : 0;
			if (!painted) {
				review?.add({ frame, labels, confidence });
			}
			confidenceSum += confidence;
			job.onFrame?.({ frame: frame.index, total, timeSeconds: frame.timeSeconds, confidence });
		}
		await Promise.all(outputs.sinks.map((sink) => sink.finish()));
		await review?.write();
		const seconds = (performance.now() - started) / 1000;
		return {
			frames: count,
			computedFrames,
			objects: keyframes.objects.length,
			outputs: review === undefined ? outputs.paths : [...outputs.paths, review.path],
			model: engine.modelName,
			preset: preset.name,
			seconds,
			framesPerSecond: count / seconds,
			stages: clock.totals,
			meanConfidence: confidenceSum / count,
		};
	} catch (error) {
		await Promise.all(outputs?.sinks.map((sink) => sink.abort()) ?? []);
		throw error;
	} finally {
		await engine.close();
		await scratch.remove();
	}
};

const firstFrame = async (clip: Clip, range: RunRange): Promise<Frame> => {
	for await (const frame of framesBetween(clip, range, 0, 1)) {
		return frame;
	}
	throw new UserError(`"${clip.path}" has no frames; give a clip with at least one.`);
};

type Outputs = { readonly paths: readonly string[]; readonly sinks: readonly VideoSink[] };

const openOutputs = async (clip: Clip, job: PropagateClipJob, first: Frame): Promise<Outputs> => {
	const places = job.outputs.length > 0 ? job.outputs : [defaultOutput(clip.path)];
	const choices = await Promise.all(places.map((place) => resolveFormat(place, job.format)));
	const paths = choices.map(({ path }) => path);
	const twice = paths.find((path, at) => paths.indexOf(path) !== at);
	if (twice !== undefined) {
		throw new UserError(`"${twice}" is given as output twice; name each output once.`);
	}
	const sinks: VideoSink[] = [];
	try {
		for (const choice of choices) {
			sinks.push(
				await openSink(choice, {
					clip: clip.info,
					audioFrom: clip.kind === 'video' && clip.info.hasAudio ? clip.path : undefined,
					beginSeconds: job.start === undefined ? undefined : first.timeSeconds,
					isExcerpt: job.start !== undefined || job.end !== undefined,
					ffmpeg: job.ffmpeg,
					signal: job.signal,
					existing: job.overwrite === true ? 'overwrite' : 'refuse',
				}),
			);
		}
	} catch (error) {
		await Promise.all(sinks.map((sink) => sink.abort()));
		throw error;
	}
	return { paths, sinks };
};

/** A folder in the working folder that is named after the clip: `bear.mp4` -> `bear-masks`. */
const defaultOutput = (input: string): string => {
	const { name, base } = parse(input.replace(/[/\\]+$/, ''));
	return `${extname(input) === '' ? base : name}-masks`;
};
