import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { framesBetween, type RunRange } from '../corrections/frame-range.js';
import {
	type Keyframes,
	type PaintedMask,
	readKeyframes,
	type UnderstoodMask,
} from '../corrections/read-keyframes.js';
import { ReviewSheet } from '../corrections/review-sheet.js';
import { AbortedError, throwIfAborted, UserError } from '../errors.js';
import { handled } from '../handled.js';
import type { Propagator } from '../masks/propagator.js';
import { type Clip, openClip } from '../media/clip.js';
import { requireDistinct } from '../media/distinct-files.js';
import { findFfmpeg } from '../media/ffmpeg-binary.js';
import type { Frame } from '../media/frame.js';
import { FramePool } from '../media/frame-pool.js';
import type { MaskType } from '../media/mask-meaning.js';
import { type Position, parsePosition } from '../media/position.js';
import type { Existing } from '../media/video-sink.js';
import { loadPreset } from '../presets/load-preset.js';
import { type Quality, withQuality } from '../presets/quality.js';
import { prefetch } from '../propagation/prefetch.js';
import { type Stage, StageClock } from '../propagation/stage-clock.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { clipIdentity, masksIdentity, type RunIdentity, rangeIdentity } from '../store/run-identity.js';
import { ScratchFolder } from '../store/scratch-folder.js';
import { resolveClipOutputs } from './clip-outputs.js';
import { frameExtractor } from './frame-extractor.js';
import { maskFrames, requireFramesOfRun } from './mask-frames.js';

import { type Engine, openEngine, openPropagator } from './open-engine.js';
import { RunOutputs } from './run-outputs.js';
import { settleNumbers } from './source-numbers.js';

export type PropagateClipJob = RuntimeOptions & {
	/** Video file, folder of frames, or pattern of frame names. */
	readonly input: string;
	/** Painted masks and the frames they belong to: indexed PNG, grey, or any image with alpha. */
	readonly masks: readonly PaintedMask[];
	/** What the masks are; found out when omitted. */
	readonly maskType?: MaskType | undefined;
	/** Folders or files to write; the extension says the format. One folder beside nothing else when empty. */
	readonly outputs: readonly string[];
	/** Name of a format, when the outputs' names do not say. */
	readonly format?: string | undefined;
	readonly model?: string | undefined;
	readonly preset?: string | undefined;
	/** Replaces the preset's own choice between speed and quality. */
	readonly quality?: Quality | undefined;
	/** Frames a second of a folder of images. */
	readonly fps?: number | undefined;
	/** Whether masks are tracked by the mask decoder; as the preset says when undefined. */
	readonly decoder?: boolean | undefined;
	/** First frame to use, and the first not to use any more: a frame number, or a time like `1.5s`. */
	readonly start?: string | undefined;
	readonly end?: string | undefined;
	readonly ffmpeg?: string | undefined;
	/** Replace outputs that exist. */
	readonly overwrite?: boolean | undefined;
	/** Go on where an interrupted run of the same job stopped: finished PNGs are kept, videos are made anew. */
	readonly resume?: boolean | undefined;
	/** Colours multiplied by alpha, in formats with alpha. */
	readonly premultiplied?: boolean | undefined;
	/** Image to write, with the frames that are trusted least. */
	readonly review?: string | undefined;
	/** False: use nothing that earlier runs have left, and leave nothing. */
	readonly cache?: boolean | undefined;
	readonly signal?: AbortSignal | undefined;
	/** Called before work begins, with what is missing in the input or was left out. */
	readonly onNote?: ((text: string) => void) | undefined;
	/** Called before work begins, with what each mask was understood to be. */
	readonly onMask?: ((mask: UnderstoodMask) => void) | undefined;
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
	/** How many PNGs of them an interrupted run had finished. */
	readonly resumedFrames: number;
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
	/** Undefined when an earlier run had finished everything. */
	readonly meanConfidence: number | undefined;
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
	const { range: asked, review, preset } = await readSettings(job);
	if (job.masks.length === 0) {
		throw new UserError(
			'There is no mask; "propagate frame" writes the picture to paint it on, and --mask takes the painting (docs/first-mask.md).',
		);
	}
	// The model is loaded while clip, masks and outputs are opened.
	const opening = handled(
		openEngine(job.model ?? preset.model, {
			...job,
			precision: preset.precision,
			features: preset.features,
			whenNeeded: preset.decoder || job.cache !== false,
		}),
	);
	const clock = new StageClock();
	const scratch = await ScratchFolder.open();
	let outputs: RunOutputs | undefined;
	let propagator: Propagator | undefined;
	let count = 0;
	try {
		const clip = await openClip(job.input, { ffmpeg: job.ffmpeg, signal, frameRate: job.fps });
		const { range, masks } = settleNumbers(clip, asked, job.masks);
		const keyframes = await readKeyframes(masks, clip.info, job.maskType);
		const [keyframe] = keyframes.keyframes;
		if (keyframe === undefined) {
			throw new Error('Masks were read, but there is no keyframe.');
		}
		const first = await firstFrame(clip, range);
		await requireFramesOfRun(clip, range, masks);
		const places = await resolveClipOutputs(clip, job.outputs, job.format);
		await requireDistinct([...places.map(({ path }) => path), job.review], inputsOf(job, clip));
		const engine = await opening;
		const extractor = await frameExtractor(engine, job.cache !== false);
		propagator = await openPropagator(engine, extractor, preset, job);
		if (!preset.decoder) {
			await extractor.prepare?.(first.image);
		}
		const identity = await identityOf(job, clip, range, keyframes, engine, propagator.identity);
		outputs = await RunOutputs.open({
			...{ clip, range, signal, review, identity, outputs: places, ffmpeg: job.ffmpeg },
			existing: existingFor(job),
			objects: keyframes.objects,
			firstFrame: first,
			premultiplied: job.premultiplied,
			onNote: job.onNote,
		});
		tellInput(job, clip, keyframes);
		const total = range.start || range.end ? undefined : clip.info.estimatedFrames;
		let confidenceSum = 0;
		let computedFrames = 0;
		const { isComplete } = outputs;
		// Where only masks are written, and once each, nobody looks at a frame when its mask is there.
		const isDoneWithFrames = outputs.areMasksOnly && review === undefined && keyframes.keyframes.length === 1;
		const pool = isDoneWithFrames ? new FramePool() : undefined;
		const masked = maskFrames({
			...{ clip, range, identity, keyframes, propagator, pool, clock, signal },
			cache: job.cache !== false,
			scratchFolder: outputs.scratchFolder ?? scratch.path,
		});
		// While one frame is encoded, the next is already matched.
		const ahead = prefetch(masked, 1);
		for await (const { frame, mask: labels, confidence, painted, computed } of isComplete ? [] : ahead) {
			throwIfAborted(signal);
			await clock.measure('encode', () => outputs?.write({ frame, labels }));
			count++;
			computedFrames += computed ? 1 : 0;
			if (!painted) {
				review?.add({ frame, labels, confidence });
			}
			confidenceSum += confidence;
			pool?.giveBack(frame.image);
			job.onFrame?.({ frame: frame.index, total, timeSeconds: frame.timeSeconds, confidence });
		}
		await outputs.finish();
		count = isComplete ? outputs.keptFrames : count;
		const seconds = (performance.now() - started) / 1000;
		return {
			frames: count,
			resumedFrames: Math.min(count, outputs.keptFrames),
			computedFrames,
			objects: keyframes.objects.length,
			outputs: outputs.paths,
			model: engine.modelName,
			preset: preset.name,
			seconds,
			framesPerSecond: count / seconds,
			stages: clock.totals,
			meanConfidence: isComplete ? undefined : confidenceSum / count,
		};
	} catch (error) {
		await outputs?.abort();
		throw error instanceof AbortedError && outputs ? cancelled(outputs) : error;
	} finally {
		const closed = opening.then(
			(engine) => engine.close(),
			() => {},
		);
		await Promise.all([closed, propagator?.close()]);
		await scratch.remove();
	}
};

/** What the input was understood to be, told when nothing stands against the run any more. */
export const tellInput = (job: PropagateClipJob, clip: Clip, { understood }: Keyframes): void => {
	for (const note of clip.notes ?? []) {
		job.onNote?.(note);
	}
	for (const mask of understood) {
		job.onMask?.(mask);
	}
};

/** Every file and folder that a run reads. */
export const inputsOf = (job: PropagateClipJob, clip: Clip): (string | undefined)[] => [
	...(clip.kind === 'images' ? [dirname(clip.files[0] ?? '.')] : []),
	...clip.files,
	...job.masks.map(({ path }) => path),
	job.preset?.endsWith('.json') === true ? job.preset : undefined,
];

/** How a run is to go, be it with masks or with an edit that is carried. @throws UserError for bad input */
export const readSettings = async (job: PropagateClipJob) => {
	const range: RunRange = {
		signal: job.signal,
		start: job.start === undefined ? undefined : parsePosition(job.start),
		end: job.end === undefined ? undefined : parsePosition(job.end),
	};
	requireOrder(job, range);
	const review = job.review === undefined ? undefined : new ReviewSheet(job.review);
	const chosen = withQuality(await loadPreset(job.preset), job.quality);
	const preset = { ...chosen, decoder: job.decoder ?? chosen.decoder };
	return { range, review, preset };
};

/** Two frame numbers, or two times, can be compared before anything is known of the clip. */
const requireOrder = (job: PropagateClipJob, { start, end }: RunRange): void => {
	const [first, last] = [numberOf(start), numberOf(end)];
	const areAlike = start === undefined || end === undefined || 'frame' in start === 'frame' in end;
	if (end !== undefined && areAlike && first >= last) {
		throw new UserError(
			`--end ${job.end} leaves no frame after --start ${job.start ?? 0}; it is the first frame not to use any more, so give a later one.`,
		);
	}
};

const numberOf = (position: Position | undefined): number =>
	position === undefined ? 0 : 'frame' in position ? position.frame : position.seconds;

/** @throws UserError when there is none */
export const firstFrame = async (clip: Clip, range: RunRange): Promise<Frame> => {
	for await (const frame of framesBetween(clip, range, 0, 1)) {
		return frame;
	}
	throw new UserError(`"${clip.path}" has no frames; give a clip with at least one.`);
};

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/**
 * All that makes the results what they are.
 *
 * @param settings of what carries masks
 * @param edit fingerprint of what is carried besides masks
 */
export const identityOf = async (
	job: PropagateClipJob,
	clip: Clip,
	range: RunRange,
	{ keyframes }: Keyframes,
	engine: Engine,
	settings: string,
	edit = '',
): Promise<RunIdentity> => ({
	program: version,
	clip: await clipIdentity(clip, job.signal),
	range: rangeIdentity(range),
	masks: masksIdentity(keyframes),
	edit,
	model: engine.identity,
	settings,
	device: engine.runtime.device,
	// Still images are read without it.
	ffmpeg: clip.kind === 'video' ? (await findFfmpeg(job.ffmpeg)).version : '',
});

/** What is said when a run is cancelled, once its outputs are closed. */
export const cancelled = ({ framesFolder, finishedFrames }: RunOutputs): AbortedError =>
	new AbortedError(
		framesFolder === undefined
			? 'Cancelled; nothing was written, because a video is made in one go.'
			: `Cancelled; ${finishedFrames} finished frames are kept in "${framesFolder}". Repeat the command with --resume to go on.`,
	);

export const existingFor = ({ overwrite, resume }: PropagateClipJob): Existing =>
	overwrite === true ? 'overwrite' : resume === true ? 'resume' : 'refuse';
