import { extname, parse } from 'node:path';
import { throwIfAborted, UserError } from '../errors.js';
import { type Clip, openClip } from '../media/clip.js';
import { openSink } from '../media/encode.js';
import type { Frame, LabelMap } from '../media/frame.js';
import { readLabelMap, requireUsableMask } from '../media/label-map.js';
import { resolveFormat } from '../media/output-format.js';
import { parsePosition } from '../media/position.js';
import type { VideoSink } from '../media/video-sink.js';
import { loadPreset } from '../presets/load-preset.js';
import { type Quality, withQuality } from '../presets/quality.js';
import { propagateMasks } from '../propagation/propagate-masks.js';
import { type Stage, StageClock } from '../propagation/stage-clock.js';
import type { RuntimeOptions } from '../runtime/session.js';
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
	readonly signal?: AbortSignal | undefined;
	readonly onFrame?: ((progress: FrameProgress) => void) | undefined;
};

/** A mask file and the frame it was painted on, counted from 0 among the frames of the run. */
export type PaintedMask = { readonly frame: number; readonly path: string };

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
 * Carries the mask of a clip's first frame through all of it and writes the results: what `propagate <clip> --mask <png>`
 * does. Outputs appear under their own names when they are complete; finished PNGs stay when the run is cancelled.
 *
 * @throws UserError for bad input; nothing has been written then
 * @throws AbortedError when the signal fires
 */
export const propagateClip = async (job: PropagateClipJob): Promise<PropagateClipResult> => {
	const started = performance.now();
	const { signal } = job;
	const range = {
		start: job.start === undefined ? undefined : parsePosition(job.start),
		end: job.end === undefined ? undefined : parsePosition(job.end),
	};
	const preset = withQuality(await loadPreset(job.preset), job.quality);
	const clip = await openClip(job.input, { ffmpeg: job.ffmpeg, signal });
	const mask = await readFirstMask(job.masks, clip);
	const decoded = clip.frames({ ...range, signal });
	const first = await decoded.next();
	if (first.done) {
		throw new UserError(`"${job.input}" has no frames; give a clip with at least one.`);
	}

	const engine = await openEngine(job.model ?? preset.model, {
		...job,
		precision: preset.precision,
		features: preset.features,
	});
	const clock = new StageClock();
	let outputs: Outputs | undefined;
	try {
		outputs = await openOutputs(clip, job, first.value);
		const frames = startingWith(first.value, decoded);
		const total = range.start || range.end ? undefined : clip.info.estimatedFrames;
		let count = 0;
		let confidenceSum = 0;
		const masked = propagateMasks({
			...{ frames, mask, clock, signal },
			extractor: engine.extractor,
			runtime: engine.runtime,
			settings: preset.propagation,
		});
		for await (const { frame, mask: labels, confidence } of masked) {
			throwIfAborted(signal);
			await clock.measure('encode', () =>
				Promise.all(outputs?.sinks.map((sink) => sink.write({ frame, labels })) ?? []),
			);
			count++;
			confidenceSum += confidence;
			job.onFrame?.({ frame: frame.index, total, timeSeconds: frame.timeSeconds, confidence });
		}
		await Promise.all(outputs.sinks.map((sink) => sink.finish()));
		const seconds = (performance.now() - started) / 1000;
		return {
			frames: count,
			objects: new Set(mask.ids.filter((id) => id > 0)).size,
			outputs: outputs.paths,
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
	}
};

const readFirstMask = async (masks: readonly PaintedMask[], { info }: Clip): Promise<LabelMap> => {
	const [painted, ...others] = masks;
	if (painted === undefined) {
		throw new UserError('There is no mask; paint the object on the first frame and give it with --mask.');
	}
	if (painted.frame !== 0 || others.length > 0) {
		throw new UserError('Only one mask, of frame 0, can be used; give a single --mask.');
	}
	const mask = await readLabelMap(painted.path);
	requireUsableMask(painted.path, mask, info);
	return mask;
};

async function* startingWith(first: Frame, rest: AsyncGenerator<Frame>): AsyncGenerator<Frame> {
	try {
		yield first;
		yield* rest;
	} finally {
		await rest.return(undefined);
	}
}

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
