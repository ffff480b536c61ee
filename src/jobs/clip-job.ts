import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { UserError } from '../core/errors.js';
import type { PaintedFile } from '../core/painted-file.js';
import type { Quality } from '../core/quality.js';
import type { Stage } from '../core/stage-clock.js';
import type { Keyframes, UnderstoodMask } from '../masks/read-keyframes.js';
import { type MatteOptions, type MatteSettings, matteSettingsSchema } from '../mattes/mattes.js';
import type { Clip } from '../media/clip.js';
import { findFfmpeg } from '../media/ffmpeg-binary.js';
import type { MaskType } from '../media/mask-meaning/meaning.js';
import { type Position, parsePosition } from '../media/position.js';
import type { RunRange } from '../media/run-frames.js';
import { ReviewSheet } from '../output/review-sheet.js';
import type { ExistingResults } from '../output/run-outputs.js';
import { loadPreset, withQuality } from '../presets/preset.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { clipIdentity, masksIdentity, type RunIdentity, rangeIdentity } from '../store/run-identity.js';
import type { Engine } from './open-engine.js';

export type PropagateClipJob = RuntimeOptions & {
	/** Video file, folder of frames, or pattern of frame names. */
	readonly input: string;
	/** Painted masks and the frames they belong to: indexed PNG, grey, or any image with alpha. */
	readonly masks: readonly PaintedFile[];
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
	/**
	 * Go on where an interrupted run of the same job stopped: finished PNGs are kept, videos are made anew. With `overwrite`, results of
	 * any other job are replaced.
	 */
	readonly resume?: boolean | undefined;
	/**
	 * Write down also beside videos what they were made from, in a hidden folder, so that a later run with `resume` knows that they are
	 * finished. PNGs always have such notes.
	 */
	readonly keepsNotes?: boolean | undefined;
	/** What the first frame of the run is called where frames are files; as in the source, or `firstNumber`, when omitted. */
	readonly startNumber?: number | undefined;
	/** The same of a clip whose frames have no numbers. Default: 0. */
	readonly firstNumber?: number | undefined;
	/** How mattes and cut-outs are made of masks; see `matteSettingsSchema`. */
	readonly matte?: MatteOptions | undefined;
	/** Colours multiplied by alpha, in formats with alpha. */
	readonly premultiplied?: boolean | undefined;
	/** Image to write, with the frames that are trusted least. */
	readonly review?: string | undefined;
	/** False: use nothing that earlier runs have left, and leave nothing. */
	readonly cache?: boolean | undefined;
	readonly signal?: AbortSignal | undefined;
	/** Called before work begins, with what is missing in the input or was left out; and behind it, with what to look at in the result. */
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

/** @throws UserError without a mask */
export const requireMasks = ({ masks }: Pick<PropagateClipJob, 'masks'>): void => {
	if (masks.length === 0) {
		throw new UserError(
			'There is no mask; "propagate frame" writes the picture to paint it on, and --mask takes the painting (docs/first-mask.md).',
		);
	}
};

/** How a run is to go, be it with masks or with an edit that is carried. @throws UserError for bad input */
export const readSettings = async (job: PropagateClipJob) => {
	const range: RunRange = {
		signal: job.signal,
		start: job.start === undefined ? undefined : parsePosition(job.start),
		end: job.end === undefined ? undefined : parsePosition(job.end),
	};
	requireOrder(job, range);
	requireStartNumber(job);
	const review = job.review === undefined ? undefined : new ReviewSheet(job.review);
	const chosen = withQuality(await loadPreset(job.preset), job.quality);
	const preset = { ...chosen, decoder: job.decoder ?? chosen.decoder };
	return { range, review, preset, matte: readMatteSettings(job) };
};

/** @throws UserError for settings that are out of bounds */
const readMatteSettings = ({ matte }: PropagateClipJob): MatteSettings => {
	const read = matteSettingsSchema.safeParse(matte ?? {});
	if (!read.success) {
		const [issue] = read.error.issues;
		throw new UserError(`--${issue?.path.join('.')}: ${issue?.message}.`);
	}
	return read.data;
};

const requireStartNumber = ({ startNumber = 0 }: PropagateClipJob): void => {
	if (!Number.isInteger(startNumber) || startNumber < 0 || startNumber > 1e9) {
		throw new UserError(`--start-number ${startNumber}: expected a whole number from 0 to 1000000000.`);
	}
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

/** Every file and folder that a run reads. */
export const inputsOf = (job: PropagateClipJob, clip: Clip): (string | undefined)[] => [
	...(clip.kind === 'images' ? [dirname(clip.files[0] ?? '.')] : []),
	...clip.files,
	...job.masks.map(({ path }) => path),
	job.preset?.endsWith('.json') === true ? job.preset : undefined,
];

export const existingFor = ({ overwrite, resume }: PropagateClipJob): ExistingResults =>
	overwrite === true ? (resume === true ? 'update' : 'overwrite') : resume === true ? 'resume' : 'refuse';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** All that makes the results what they are. @param of what carries masks, and of what is carried besides them */
export const identityOf = async (
	job: PropagateClipJob,
	clip: Clip,
	range: RunRange,
	{ keyframes }: Keyframes,
	engine: Engine,
	{ settings, edit }: Pick<RunIdentity, 'settings' | 'edit'>,
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
