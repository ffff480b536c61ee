import { isDeepStrictEqual } from 'node:util';
import { prefetch } from '../core/concurrency.js';
import type { DescriptorExtractor } from '../core/descriptor-map.js';
import { AbortedError, throwIfAborted, UserError } from '../core/errors.js';
import type { Frame } from '../core/frame.js';
import type { PaintedFile } from '../core/painted-file.js';
import { isS3 } from '../core/s3-place.js';
import { StageClock } from '../core/stage-clock.js';
import type { Keyframes } from '../masks/read-keyframes.js';
import { defaultMatteSettings, MattesBefore, mattesOf } from '../mattes/mattes.js';
import type { Clip } from '../media/clip.js';
import { requireDistinct } from '../media/distinct-files.js';
import { FramePool } from '../media/frame-pool.js';
import { framesBetween, type RunRange } from '../media/run-frames.js';
import { findModel } from '../models/registry.js';
import { type RunOutput, RunOutputs } from '../output/run-outputs.js';
import type { FrameResult } from '../output/video-sink.js';
import { fingerprint } from '../store/run-identity.js';
import {
	existingFor,
	inputsOf,
	type PropagateClipJob,
	type PropagateClipResult,
	readSettings,
} from './clip-job.js';
import { maskFrames, type RunFrame } from './mask-frames.js';
import { openInputs, openTools, type RunInputs } from './open-run.js';

/** What is written of a frame, and how it came about. */
export type WrittenFrame = FrameResult & Pick<RunFrame, 'confidence' | 'painted' | 'computed'>;

/** The last step of a run before its outputs: from frames and masks to what is written. */
export type RunStep = {
	/** Equal where it makes the same of the same frames and masks; empty for the masks themselves. */
	readonly identity: string;
	/** It looks at nothing but the masks. */
	readonly ofMasksOnly: boolean;
	run(frames: AsyncIterable<RunFrame>, tools: StepTools): AsyncIterable<WrittenFrame>;
};

/** What a step works with. */
export type StepTools = {
	readonly extractor: DescriptorExtractor;
	/** For what is needed during the run only. */
	readonly scratchFolder: string;
};

/** What a kind of run adds to frames and masks. */
export type RunKind = {
	openStep(inputs: RunInputs, first: Frame): Promise<RunStep>;
	resolveOutputs(clip: Clip): Promise<readonly RunOutput[]>;
	/** Whether its step looks at frames' descriptors. */
	readonly describesFrames: boolean;
	/** Edited frames that it reads. */
	readonly edits: readonly PaintedFile[];
};

/** A run as far as its inputs say, before a model is needed. */
type OpenRun = RunInputs & {
	readonly first: Frame;
	readonly step: RunStep;
	readonly places: readonly RunOutput[];
	/** Files and folders that it reads. */
	readonly inputs: readonly (string | undefined)[];
};

/** Opens all that a run reads, and settles what it writes. @throws UserError for bad input */
const openRun = async (job: PropagateClipJob, kind: RunKind, asked: RunRange): Promise<OpenRun> => {
	requireOnDisk([
		job.input,
		...job.masks.map(({ path }) => path),
		...job.outputs,
		job.review,
		...kind.edits.map(({ path }) => path),
	]);
	const opened = await openInputs(job, asked, kind.edits);
	const { clip, range } = opened;
	const first = await firstFrame(clip, range);
	const step = await kind.openStep(opened, first);
	const places = await kind.resolveOutputs(clip);
	const written = [...places.map(({ path }) => path), job.review];
	const inputs = [...inputsOf(job, clip), ...kind.edits.map(({ path }) => path)];
	await requireDistinct(written, inputs);
	return { ...opened, first, step, places, inputs };
};

/** @throws UserError for a place in S3: a run reads and writes files, and a folder would get such a name */
const requireOnDisk = (paths: readonly (string | undefined)[]): void => {
	const place = paths.find((path) => path !== undefined && isS3(path));
	if (place !== undefined) {
		throw new UserError(
			`"${place}" lies in S3, with which only jobs of "propagate queue" do (docs/scale.md); copy it to a disk.`,
		);
	}
};

/** From so many on it is said that each object takes its time. */
const MANY_OBJECTS = 32;

/** What a run reads and writes. */
export type RunFiles = { readonly inputs: readonly string[]; readonly outputs: readonly string[] };

/**
 * Sees whether a run could begin, without the model and without writing anything: clip, masks, edit, settings and names of outputs.
 *
 * @throws UserError for bad input
 */
export const checkRun = async (job: PropagateClipJob, kind: RunKind): Promise<RunFiles> => {
	const { range, preset } = await readSettings(job);
	await findModel(job.model ?? preset.model);
	const { inputs, places } = await openRun(job, kind, range);
	return {
		inputs: inputs.filter((path) => path !== undefined),
		outputs: [...places.map(({ path }) => path), job.review].filter((path) => path !== undefined),
	};
};

/**
 * One run on a clip, from its frames to its files: frames -> masks -> step -> outputs. Outputs appear under their own names when they are
 * complete; finished PNGs stay when the run is cancelled.
 *
 * @throws UserError for bad input; nothing has been written then
 * @throws AbortedError when the signal fires
 */
export const runClip = async (job: PropagateClipJob, kind: RunKind): Promise<PropagateClipResult> => {
	const started = performance.now();
	const { signal } = job;
	const settings = await readSettings(job);
	const { review, preset, matte } = settings;
	const clock = new StageClock();
	const tools = await openTools(job, preset, kind.describesFrames);
	let outputs: RunOutputs | undefined;
	try {
		const run = await openRun(job, kind, settings.range);
		const { clip, range, keyframes, first, step, places } = run;
		const edit = isDeepStrictEqual(matte, defaultMatteSettings)
			? step.identity
			: fingerprint([step.identity, ...Object.values(matte)]);
		const { engine, propagator, identity } = await tools.prepare(run, edit);
		outputs = await RunOutputs.open({
			...{ clip, range, signal, review, identity, outputs: places, ffmpeg: job.ffmpeg },
			...{ objects: keyframes.objects, firstFrame: first, existing: existingFor(job) },
			...{ premultiplied: job.premultiplied, onNote: job.onNote },
			startNumber: job.startNumber ?? (clip.numbers === undefined ? job.firstNumber : undefined),
			...{ keepsNotes: job.keepsNotes, modelName: engine.modelName },
		});
		tellInput(job, clip, keyframes);
		if (preset.decoder && keyframes.objects.length >= MANY_OBJECTS && !outputs.isComplete) {
			job.onNote?.(
				`${keyframes.objects.length} objects take as many times as long as one; with --decoder off, which is less exact, a third of that or less.`,
			);
		}

		// Where only masks are written, and once each, nobody looks at a frame when its mask is there.
		const isDoneWithFrames =
			step.ofMasksOnly && outputs.areMasksOnly && review === undefined && keyframes.keyframes.length === 1;
		const pool = isDoneWithFrames ? new FramePool() : undefined;
		const scratchFolder = outputs.scratchFolder ?? tools.scratchFolder;
		const masked = maskFrames({
			...{ clip, range, identity, keyframes, propagator, pool, scratchFolder, clock, signal },
			cache: job.cache !== false,
		});
		const total = framesExpected(range, clip.info.estimatedFrames);
		let [count, computedFrames, confidenceSum] = [0, 0, 0];
		const before = new MattesBefore();
		// While one frame is encoded, the next is already in the making.
		const results = outputs.isComplete
			? []
			: prefetch(step.run(masked, { extractor: engine.extractor, scratchFolder }), 1);
		for await (const result of results) {
			throwIfAborted(signal);
			const { frame, labels, edited: image = frame.image, confidence } = result;
			const mattes = mattesOf(frame.image, labels, matte, before);
			await clock.measure('encode', () => outputs?.write({ ...result, mattes }));
			if (!result.painted) {
				review?.add({ frame: { ...frame, image }, labels, confidence });
			}
			count++;
			computedFrames += result.computed ? 1 : 0;
			confidenceSum += confidence;
			pool?.giveBack(frame.image);
			// What a container says of its length is an estimate: no run has done more than all of it.
			const atLeast = total === undefined ? undefined : Math.max(total, frame.index + 1);
			job.onFrame?.({ frame: frame.index, total: atLeast, timeSeconds: frame.timeSeconds, confidence });
		}
		await outputs.finish(count);

		const { isComplete, keptFrames } = outputs;
		const frames = isComplete ? keptFrames : count;
		const seconds = (performance.now() - started) / 1000;
		return {
			...{ frames, resumedFrames: Math.min(frames, keptFrames), computedFrames },
			...{ objects: keyframes.objects.length, outputs: outputs.paths },
			...{ model: engine.modelName, preset: preset.name },
			...{ seconds, framesPerSecond: frames / seconds, stages: clock.totals },
			meanConfidence: isComplete ? undefined : confidenceSum / count,
		};
	} catch (error) {
		await outputs?.abort();
		throw error instanceof AbortedError && outputs ? cancelled(outputs) : error;
	} finally {
		await tools.close();
	}
};

/** How many frames a run has, where that can be told: a time may lie between two. */
const framesExpected = ({ start, end }: RunRange, ofClip: number | undefined): number | undefined => {
	const isByFrames = [start, end].every((place) => place === undefined || 'frame' in place);
	if (!isByFrames || ofClip === undefined) {
		return undefined;
	}
	const [first, behind] = [start, end].map((place) => (place && 'frame' in place ? place.frame : undefined));
	return Math.max(1, Math.min(ofClip, behind ?? ofClip) - (first ?? 0));
};

/** What the input was understood to be, told when nothing stands against the run any more. */
const tellInput = (job: PropagateClipJob, clip: Clip, { understood }: Keyframes): void => {
	for (const note of clip.notes ?? []) {
		job.onNote?.(note);
	}
	for (const mask of understood) {
		job.onMask?.(mask);
	}
};

/** @throws UserError when there is none */
export const firstFrame = (clip: Clip, range: RunRange): Promise<Frame> => frameOf(clip, range, 0);

/** One frame of a run. @throws UserError when there is none */
export const frameOf = async (clip: Clip, range: RunRange, index: number): Promise<Frame> => {
	for await (const frame of framesBetween(clip, range, index, index + 1)) {
		return frame;
	}
	throw new UserError(`"${clip.path}" has no frames; give a clip with at least one.`);
};

/** What is said when a run is cancelled, once its outputs are closed. */
const cancelled = ({ framesFolder, finishedFrames }: RunOutputs): AbortedError =>
	new AbortedError(
		framesFolder === undefined
			? 'Cancelled; nothing was written, because a video is made in one go.'
			: finishedFrames === 0
				? 'Cancelled before a frame was finished.'
				: `Cancelled; ${finishedFrames} finished frames are kept in "${framesFolder}". Repeat the command with --resume to go on.`,
	);
