import type { Frame, LabelMap } from '../core/frame.js';
import { handled } from '../core/handled.js';
import { readKeyframes } from '../masks/read-keyframes.js';
import { openClip } from '../media/clip.js';
import { ScratchFolder } from '../store/scratch-folder.js';
import { identityOf, type PropagateClipJob, readSettings } from './clip-job.js';
import { maskFrames, requireFramesOfRun } from './mask-frames.js';
import { openPropagator, openStoredEngine } from './open-engine.js';
import { settleNumbers } from './source-numbers.js';

/** As {@link PropagateClipJob}, without what is said of outputs: there are none. */
export type MaskClipJob = Omit<
	PropagateClipJob,
	'outputs' | 'format' | 'overwrite' | 'resume' | 'premultiplied' | 'review' | 'onFrame' | 'onNote' | 'onMask'
>;

/** A frame with its mask. */
export type ClipMask = {
	/** `index` counts from 0 among the frames of this run. */
	readonly frame: Frame;
	readonly mask: LabelMap;
	/** 0..1: how far the mask can be trusted; 1 for painted ones. */
	readonly confidence: number;
	/** It is one of the given masks. */
	readonly painted: boolean;
	/** False for what an earlier run on the clip has found. */
	readonly computed: boolean;
};

/**
 * The masks of a clip as they are found, in the order of its frames: for a program that shows them. It works as fast as it is read from, so not
 * reading pauses it, and leaving the loop ends it. What was found is kept for later runs (unless `cache` is false): calling it again with
 * another painted frame computes only what that changes.
 *
 * @throws UserError for bad input, before the first frame
 * @throws AbortedError when the signal fires
 */
export async function* maskClip(asked: MaskClipJob): AsyncGenerator<ClipMask, void, void> {
	const job = { ...asked, outputs: [] };
	const { signal } = job;
	const cache = job.cache !== false;
	const { range: given, preset } = await readSettings(job);
	// The model is loaded while clip and masks are opened.
	const opening = handled(
		openStoredEngine(
			job.model ?? preset.model,
			{ ...job, precision: preset.precision, features: preset.features, whenNeeded: preset.decoder || cache },
			{ folder: cache ? undefined : null },
		),
	);
	const scratch = await ScratchFolder.open();
	let propagator: Awaited<ReturnType<typeof openPropagator>> | undefined;
	try {
		const clip = await openClip(job.input, { ffmpeg: job.ffmpeg, signal, frameRate: job.fps });
		const { range, masks } = settleNumbers(clip, given, job.masks);
		const keyframes = await readKeyframes(masks, clip.info, job.maskType);
		await requireFramesOfRun(clip, range, masks);
		const engine = await opening;
		propagator = await openPropagator(engine, preset, job);
		const { identity: settings } = propagator;
		const identity = await identityOf(job, clip, range, keyframes, engine, { settings, edit: '' });
		yield* maskFrames({
			...{ clip, range, identity, keyframes, propagator, cache, signal },
			scratchFolder: scratch.path,
		});
	} finally {
		const closed = opening.then(
			(engine) => engine.close(),
			() => {},
		);
		await Promise.all([closed, propagator?.close()]);
		await scratch.remove();
	}
}
