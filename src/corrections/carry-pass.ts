import { handled } from '../handled.js';
import type { DescriptorExtractor } from '../hyperfeatures/extractor.js';
import type { Frame } from '../media/frame.js';
import type { LabelThreads } from '../propagation/label-threads.js';
import { type CarriedLabels, propagateMasks } from '../propagation/propagate-masks.js';
import type { PropagationSettings } from '../propagation/settings.js';
import type { StageClock } from '../propagation/stage-clock.js';
import type { Runtime } from '../runtime/session.js';
import type { RunFrames } from './frame-range.js';
import type { FrameStore } from './frame-store.js';
import type { Keyframe } from './keyframe.js';

/** What all passes of a run share. */
export type PassContext = {
	readonly frames: RunFrames;
	readonly extractor: DescriptorExtractor;
	readonly runtime: Runtime;
	readonly settings: PropagationSettings;
	readonly threads: LabelThreads;
	readonly clock?: StageClock | undefined;
	readonly signal?: AbortSignal | undefined;
};

export type Direction = 'forward' | 'backward';

export type PassOptions = {
	readonly direction: Direction;
	/** The last frame wanted, included; the end of the run when undefined (forward only). */
	readonly last: number | undefined;
	/** How far the consumer is sure to go, when not to the last one: beyond, nothing is done before it is asked for. */
	readonly surely?: number | undefined;
	readonly store: FrameStore<CarriedLabels>;
};

export type PassFrame = {
	readonly index: number;
	readonly carried: CarriedLabels;
	/** False when an earlier run has left it. */
	readonly isNew: boolean;
	/** The frame itself, when it has just been computed. */
	readonly frame?: Frame | undefined;
};

/**
 * Carries one keyframe's mask in one direction, the keyframe itself left out: frames that the store holds come from
 * there, the others are computed and stored. The result does not depend on what was stored, and the consumer may stop
 * at any frame: the next pass goes on from there.
 */
export async function* carryPass(
	context: PassContext,
	keyframe: Keyframe,
	options: PassOptions,
): AsyncGenerator<PassFrame, void, void> {
	const { direction, last, surely = last, store } = options;
	const step = direction === 'forward' ? 1 : -1;
	let next = keyframe.frame + step;
	const isWanted = (): boolean => last === undefined || (last - next) * step >= 0;
	for (;;) {
		if (!isWanted()) {
			return;
		}
		const carried = await store.get(next);
		if (carried === undefined) {
			break;
		}
		yield { index: next, carried, isNew: false };
		next += step;
	}
	const taken = context.threads.take();
	const masked = propagateMasks({
		frames: framesOfPass(context, keyframe.frame, next, options),
		mask: keyframe.mask,
		extractor: context.extractor,
		runtime: context.runtime,
		settings: context.settings,
		thread: taken.thread,
		clock: context.clock,
		signal: context.signal,
		goesOn: (index) => surely === undefined || (surely - index) * step > 0,
		known: (index) => ((next - index) * step > 0 ? store.get(index) : Promise.resolve(undefined)),
	});
	const firstNew = next;
	// A frame is written while the next one is computed.
	let writing: Promise<void> | undefined;
	try {
		for await (const { frame, carried } of masked) {
			if (carried !== undefined && (frame.index - firstNew) * step >= 0) {
				await writing;
				writing = handled(store.put(frame.index, carried));
				yield { index: frame.index, carried, isNew: true, frame };
			}
		}
	} finally {
		taken.giveBack();
		await writing;
	}
}

/** The keyframe, the frames before `next` that propagation remembers, and the rest. */
async function* framesOfPass(
	{ frames, settings }: PassContext,
	keyframe: number,
	next: number,
	{ direction, last, surely }: PassOptions,
): AsyncGenerator<Frame, void, void> {
	if (direction === 'forward') {
		const from = Math.max(keyframe + 1, next - settings.recentFrames);
		const to = last === undefined ? undefined : last + 1;
		if (from === keyframe + 1) {
			// In one piece: there may be no frame after the keyframe, and an empty range is an error.
			yield* frames.between(keyframe, to);
		} else {
			yield* frames.between(keyframe, keyframe + 1);
			yield* frames.between(from, to);
		}
	} else {
		yield* frames.between(keyframe, keyframe + 1);
		const from = Math.min(keyframe - 1, next + settings.recentFrames);
		yield* frames.backwards(from, last ?? 0, surely ?? last ?? 0);
	}
}
