import type { MaskedFrame } from '../masks/propagate-keyframes.js';
import { type PropagateClipJob, readSettings, requireMasks } from './clip-job.js';
import { maskFrames } from './mask-frames.js';
import { openInputs, openTools } from './open-run.js';

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
export async function* maskClip(asked: MaskClipJob): AsyncGenerator<MaskedFrame, void, void> {
	const job = { ...asked, outputs: [] };
	requireMasks(job);
	const { range: given, preset } = await readSettings(job);
	const tools = await openTools(job, preset, false);
	try {
		const inputs = await openInputs(job, given);
		const { propagator, identity } = await tools.prepare(inputs, '');
		const frames = maskFrames({
			...{ ...inputs, identity, propagator, signal: job.signal },
			...{ cache: job.cache !== false, scratchFolder: tools.scratchFolder },
		});
		for await (const { mask, ...found } of frames) {
			if (mask !== undefined) {
				yield { ...found, mask };
			}
		}
	} finally {
		await tools.close();
	}
}
