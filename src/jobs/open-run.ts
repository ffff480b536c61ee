import { handled } from '../core/concurrency.js';
import { UserError } from '../core/errors.js';
import { inOrderOfFrames, type PaintedFile, type PaintedKind } from '../core/painted-file.js';
import { ScratchFolder } from '../core/temporary-names.js';
import type { Propagator } from '../masks/propagator.js';
import { type Keyframes, readKeyframes } from '../masks/read-keyframes.js';
import { type Clip, openClip } from '../media/clip.js';
import { framesBetween, type RunRange } from '../media/run-frames.js';
import type { Preset } from '../presets/preset.js';
import type { RunIdentity } from '../store/run-identity.js';
import { identityOf, type PropagateClipJob } from './clip-job.js';
import { MOST_DESCRIPTOR_BYTES, openPropagator, openStoredEngine, type StoredEngine } from './open-engine.js';
import { settleNumbers } from './source-numbers.js';

/** What a run reads. */
export type RunInputs = {
	readonly clip: Clip;
	readonly range: RunRange;
	readonly keyframes: Keyframes;
	/** Edited frames by ascending number; not read yet. */
	readonly edits: readonly PaintedFile[];
};

/**
 * Opens a run's clip and reads its painted masks.
 *
 * @param asked as it was asked for, in the source's numbers
 * @param given edited frames
 * @throws UserError for bad input
 */
export const openInputs = async (
	job: PropagateClipJob,
	asked: RunRange,
	given: readonly PaintedFile[] = [],
): Promise<RunInputs> => {
	const { input, ffmpeg, signal, fps: frameRate, maskType } = job;
	const clip = await openClip(input, { ffmpeg, signal, frameRate });
	const settled = settleNumbers(clip, asked, job.masks, given);
	const { range, masks } = settled;
	const edits = inOrderOfFrames(settled.edits, 'edit');
	const keyframes = await readKeyframes(masks, clip.info, maskType);
	await requireFramesOfRun(clip, range, masks, 'mask');
	await requireFramesOfRun(clip, range, edits, 'edit');
	return { clip, range, keyframes, edits };
};

/** @throws UserError for a painting of a frame that the run does not have */
const requireFramesOfRun = async (
	clip: Clip,
	range: RunRange,
	files: readonly PaintedFile[],
	kind: PaintedKind,
): Promise<void> => {
	if (files.length === 0) {
		return;
	}
	const last = files.reduce((latest, file) => (file.frame > latest.frame ? file : latest));
	if (last.frame === 0) {
		return;
	}
	const count = await countFrames(clip, range, last.frame + 1);
	if (count <= last.frame) {
		throw new UserError(
			`The ${kind} "${last.path}" is of frame ${last.frame}, but the run has ${count} frames (0 to ${count - 1}); frames count from 0, at --start if that is given.`,
		);
	}
};

/** The frames of a run, but no more than `most`: how many a video has is known by decoding it. */
const countFrames = async (clip: Clip, range: RunRange, most: number): Promise<number> => {
	if (clip.kind === 'images' && range.start === undefined && range.end === undefined) {
		return Math.min(most, clip.files.length);
	}
	let count = 0;
	for await (const _ of framesBetween(clip, range, 0, most)) {
		count++;
	}
	return count;
};

/** What is known and open when a run begins. */
type PreparedRun = {
	readonly engine: StoredEngine;
	/** Undefined without masks. */
	readonly propagator: Propagator | undefined;
	readonly identity: RunIdentity;
};

/** What a run works with. */
type RunTools = {
	/** For what is needed during the run only. */
	readonly scratchFolder: string;
	/** Waits for the model. @param edit what makes an edit what it is; empty without one */
	prepare(inputs: RunInputs, edit: string): Promise<PreparedRun>;
	close(): Promise<void>;
};

/** Begins to load a run's model, which goes on while inputs and outputs are opened. @param describesFrames it looks at descriptors itself */
export const openTools = async (
	job: PropagateClipJob,
	preset: Preset,
	describesFrames: boolean,
): Promise<RunTools> => {
	const { model, precision, features, decoder } = preset;
	const cache = job.cache !== false;
	const engine = handled(
		openStoredEngine(
			job.model ?? model,
			{ ...job, precision, features, whenNeeded: decoder || cache },
			{
				...{ folder: cache ? undefined : null, mostBytes: MOST_DESCRIPTOR_BYTES },
				// Labels are propagated on the same descriptors.
				isShared: describesFrames && !decoder,
			},
		),
	);
	const scratch = await ScratchFolder.open();
	let propagator: Propagator | undefined;
	return {
		scratchFolder: scratch.path,
		prepare: async ({ clip, range, keyframes }, edit) => {
			const opened = await engine;
			propagator = job.masks.length === 0 ? undefined : await openPropagator(opened, preset, job);
			const settings = propagator?.identity ?? '';
			const identity = await identityOf(job, clip, range, keyframes, opened, { settings, edit });
			return { engine: opened, propagator, identity };
		},
		close: async () => {
			const closed = engine.then(
				(opened) => opened.close(),
				() => {},
			);
			await Promise.all([closed, propagator?.close()]);
			await scratch.remove();
		},
	};
};
