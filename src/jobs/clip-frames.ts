import type { Frame, Raster } from '../core/frame.js';
import type { MaskedFrame } from '../masks/propagate-keyframes.js';
import { type PropagateClipJob, readSettings, requireMasks } from './clip-job.js';
import { maskFrames, type RunFrame } from './mask-frames.js';
import { openInputs, openTools, type RunInputs } from './open-run.js';
import { type EditOptions, editFilesOf, openEdits } from './propagate-edit.js';
import { firstFrame, type RunKind, type StepTools } from './run-clip.js';

/** As {@link PropagateClipJob}, without what is said of outputs: there are none. */
export type MaskClipJob = Omit<
	PropagateClipJob,
	'outputs' | 'format' | 'overwrite' | 'resume' | 'premultiplied' | 'review' | 'onFrame' | 'onNote' | 'onMask'
>;

/**
 * The masks of a clip as they are found, in the order of its frames: for a program that shows them. It works as fast as it is read from, so not
 * reading pauses it, and leaving the loop ends it. What was found is kept for later runs (unless `cache` is false): calling it again with
 * another painted frame computes only what that changes.
 *
 * @throws UserError for bad input, before the first frame
 * @throws AbortedError when the signal fires
 */
export async function* maskClip(job: MaskClipJob): AsyncGenerator<MaskedFrame, void, void> {
	requireMasks(job);
	const ofMasks = { describesFrames: false, edits: [] };
	for await (const { mask, ...found } of clipFrames(job, ofMasks, async () => (frames) => frames)) {
		if (mask !== undefined) {
			yield { ...found, mask };
		}
	}
}

export type EditClipJob = MaskClipJob & EditOptions;

/** A frame with an edit carried to it. */
export type ClipEdit = {
	/** `index` counts from 0 among the frames of this run. */
	readonly frame: Frame;
	/** The frame with the edit in it. */
	readonly edited: Raster<3>;
	/** 0..1: how much the frame looks like the one that was edited where the edit is. */
	readonly confidence: number;
};

/**
 * The frames of a clip with an edit in them, as they are made: for a program that shows them. It is read from as `maskClip` is,
 * and makes what `propagateEdit` writes.
 *
 * @throws UserError for bad input, before the first frame
 * @throws AbortedError when the signal fires
 */
export async function* editClip(job: EditClipJob): AsyncGenerator<ClipEdit, void, void> {
	const kind = { describesFrames: true, edits: editFilesOf(job) };
	yield* clipFrames(job, kind, async (inputs) =>
		openEdits(job, inputs, await firstFrame(inputs.clip, inputs.range)),
	);
}

/** A run that writes no files. @param open the last step, from frames and masks to what is shown */
async function* clipFrames<Shown>(
	asked: MaskClipJob,
	{ describesFrames, edits }: Pick<RunKind, 'describesFrames' | 'edits'>,
	open: (
		inputs: RunInputs,
	) => Promise<(frames: AsyncIterable<RunFrame>, tools: StepTools) => AsyncIterable<Shown>>,
): AsyncGenerator<Shown, void, void> {
	const job = { ...asked, outputs: [] };
	const { range, preset } = await readSettings(job);
	const tools = await openTools(job, preset, describesFrames);
	try {
		const inputs = await openInputs(job, range, edits);
		const step = await open(inputs);
		const { engine, propagator, identity } = await tools.prepare(inputs, '');
		const { scratchFolder } = tools;
		const frames = maskFrames({
			...{ ...inputs, identity, propagator, scratchFolder, signal: job.signal },
			cache: job.cache !== false,
		});
		yield* step(frames, { extractor: engine.extractor, scratchFolder });
	} finally {
		await tools.close();
	}
}
