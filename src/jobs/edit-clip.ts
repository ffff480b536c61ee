import type { Frame, Raster } from '../core/frame.js';
import { readSettings } from './clip-job.js';
import type { MaskClipJob } from './mask-clip.js';
import { maskFrames } from './mask-frames.js';
import { openInputs, openTools } from './open-run.js';
import { type EditOptions, editFilesOf, openEdits } from './propagate-edit.js';
import { firstFrame } from './run-clip.js';

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
export async function* editClip(asked: EditClipJob): AsyncGenerator<ClipEdit, void, void> {
	const job = { ...asked, outputs: [] };
	const { range: given, preset } = await readSettings(job);
	const tools = await openTools(job, preset, true);
	try {
		const inputs = await openInputs(job, given, editFilesOf(job));
		const carry = await openEdits(job, inputs, await firstFrame(inputs.clip, inputs.range));
		const { engine, propagator, identity } = await tools.prepare(inputs, '');
		const frames = maskFrames({
			...{ ...inputs, identity, propagator, signal: job.signal },
			...{ cache: job.cache !== false, scratchFolder: tools.scratchFolder },
		});
		yield* carry(frames, { extractor: engine.extractor, scratchFolder: tools.scratchFolder });
	} finally {
		await tools.close();
	}
}
