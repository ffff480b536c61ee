import type { Frame, LabelMap } from '../core/frame.js';
import type { StageClock } from '../core/stage-clock.js';
import { propagateKeyframes } from '../masks/propagate-keyframes.js';
import type { Propagator } from '../masks/propagator.js';
import type { Keyframes } from '../masks/read-keyframes.js';
import type { Clip } from '../media/clip.js';
import type { FramePool } from '../media/frame-pool.js';
import { framesBetween, RunFrames, type RunRange } from '../media/run-frames.js';
import { openPassStores, runsFolder } from '../store/pass-stores.js';
import type { PassIdentity } from '../store/run-identity.js';

/** A frame with its mask, which there is none of in a run without masks. */
export type RunFrame = {
	/** `index` counts from 0 among the frames of the run. */
	readonly frame: Frame;
	readonly mask: LabelMap | undefined;
	/** 0..1: how far what is written of the frame can be trusted. */
	readonly confidence: number;
	/** What is written of it has been given, not found. */
	readonly painted: boolean;
	/** False for what an earlier run has found. */
	readonly computed: boolean;
};

type MaskFramesJob = {
	readonly clip: Clip;
	readonly range: RunRange;
	/** What passes depend on besides their masks. */
	readonly identity: PassIdentity;
	readonly keyframes: Keyframes;
	/** Undefined without masks. */
	readonly propagator: Propagator | undefined;
	/** Where frames are decoded to, if the consumer gives them back; only with a single mask. */
	readonly pool?: FramePool | undefined;
	/** False: nothing of earlier runs is used, and nothing is left for later ones. */
	readonly cache: boolean;
	/** Where results are kept while they are needed when `cache` is false or its folder can't be written. */
	readonly scratchFolder: string;
	readonly clock?: StageClock | undefined;
	readonly signal?: AbortSignal | undefined;
};

/** The frames of a run with their masks, from painted masks and what earlier runs on the clip have left. */
export async function* maskFrames(job: MaskFramesJob): AsyncGenerator<RunFrame, void, void> {
	const { clip, range, cache, pool, keyframes: painted, propagator, clock, signal } = job;
	if (propagator === undefined) {
		for await (const frame of framesBetween(clip, range, 0)) {
			yield { frame, mask: undefined, confidence: 1, painted: false, computed: true };
		}
		return;
	}
	const { keyframes, palette, objects } = painted;
	const isNeededAgain = keyframes.length > 1 || (keyframes[0]?.frame ?? 0) > 0;
	const stores = cache
		? await openPassStores(job.identity, runsFolder(), isNeededAgain ? job.scratchFolder : undefined)
		: await openPassStores(job.identity, job.scratchFolder);
	const frames = new RunFrames(clip, range, keyframes.length > 1, pool);
	yield* propagateKeyframes({
		...{ frames, keyframes, objects, palette, propagator, stores, clock, signal },
	});
}
