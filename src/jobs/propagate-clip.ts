import { type PropagateClipJob, type PropagateClipResult, requireMasks } from './clip-job.js';
import { resolveClipOutputs } from './clip-outputs.js';
import type { RunFrame } from './mask-frames.js';
import { type RunKind, type RunStep, runClip, type WrittenFrame } from './run-clip.js';

/**
 * Carries painted masks through a clip, from each in both directions, and writes the results: what `propagate <clip> --mask <png>`
 * does. See {@link runClip}.
 *
 * @throws UserError for bad input; nothing has been written then
 * @throws AbortedError when the signal fires
 */
export const propagateClip = async (job: PropagateClipJob): Promise<PropagateClipResult> =>
	runClip(job, kindOfClip(job));

/** What makes a run one that carries masks. @throws UserError when there is no mask */
export const kindOfClip = (job: PropagateClipJob): RunKind => {
	requireMasks(job);
	return {
		openStep: async () => masksThemselves,
		resolveOutputs: (clip) => resolveClipOutputs(clip, job.outputs, job.format),
		describesFrames: false,
		edits: [],
	};
};

const masksThemselves: RunStep = { identity: '', ofMasksOnly: true, run: writtenMasks };

async function* writtenMasks(frames: AsyncIterable<RunFrame>): AsyncGenerator<WrittenFrame> {
	for await (const { mask, ...masked } of frames) {
		if (mask !== undefined) {
			yield { ...masked, labels: mask };
		}
	}
}
