import type { Frame, Keyframe, LabelMap } from '../core/frame.js';
import { StageClock } from '../core/stage-clock.js';
import type { PassStores } from '../store/pass-stores.js';
import { lost, type PassedFrame, runPass } from './pass.js';
import type { PassMasks, Propagator } from './propagator.js';

/** For a single pass forwards, of which nothing is to be kept. */
const nothing = { get: async () => undefined, put: async () => undefined };
export const nothingStored: PassStores = { pass: () => nothing, length: nothing };

/** The frames of a run, which may be asked for more than once; `RunFrames` decodes them. */
type FrameSource = {
	/** @param to the first that is not wanted any more; all that follow when undefined */
	between(from: number, to?: number | undefined): AsyncIterable<Frame>;
	/** Both included, the last first. */
	backwards(from: number, to: number): AsyncIterable<Frame>;
	/** In the order of time. */
	only(indices: readonly number[]): AsyncIterable<Frame>;
};

type PropagateKeyframesOptions<Description, Masks extends PassMasks> = {
	readonly frames: FrameSource;
	/** At least one, by ascending frame. */
	readonly keyframes: readonly Keyframe[];
	/** Every object of every keyframe. */
	readonly objects: readonly number[];
	/** Colours of all of them. */
	readonly palette: Uint8Array;
	readonly propagator: Propagator<Description, Masks>;
	readonly stores: PassStores;
	readonly clock?: StageClock | undefined;
	readonly signal?: AbortSignal | undefined;
};

/** A frame with its mask. */
export type MaskedFrame = {
	/** `index` counts from 0 among the frames of the run. */
	readonly frame: Frame;
	readonly mask: LabelMap;
	/** 0..1: how far the mask can be trusted; 1 for painted ones. */
	readonly confidence: number;
	/** It is one of the given masks. */
	readonly painted: boolean;
	/** False when the mask was found in an earlier run. */
	readonly computed: boolean;
};

/**
 * Carries painted masks through a clip, from each keyframe in both directions, and gives the frames in order.
 *
 * Keyframes cut the clip into spans. Before the first one, masks are carried backwards from it; behind the last one, forwards. Between
 * two, a pass comes from each side with the other side's painted frame in its memory, and each frame gets the mean of both, weighted by
 * nearness and by their confidence. What lies behind the last keyframe is carried with a few frames of the span before it in memory. A span
 * depends on the keyframes at its ends alone (the last one on the keyframe before), so another correction changes nothing beyond its
 * neighbours, and what does not change is read from the store.
 *
 * Memory does not grow with the clip: a pass that runs backwards leaves its masks in the store, from where they are read in order.
 *
 * @throws AbortedError when the signal fires
 */
export async function* propagateKeyframes<Description, Masks extends PassMasks>(
	options: PropagateKeyframesOptions<Description, Masks>,
): AsyncGenerator<MaskedFrame, void, void> {
	const { keyframes, frames, stores } = options;
	const [first, second] = keyframes;
	const last = keyframes.at(-1);
	if (first === undefined || last === undefined) {
		throw new Error('Propagation needs at least one keyframe.');
	}
	if (first.frame > 0) {
		const span = await backwards(options, first, second, 0);
		for await (const frame of frames.between(0, first.frame)) {
			yield result(options, frame, await span(frame.index));
		}
	}
	for (const [at, right] of keyframes.slice(1).entries()) {
		yield* between(options, keyframes[at]!, right);
	}
	let end = last.frame;
	const before = keyframes.at(-2);
	const known = before && (await knownBetween<Masks>(options, before, last));
	const pass = { own: last, helper: before, known, end: await stores.length.get() };
	for await (const { frame, found, computed } of forwards(options, pass)) {
		end = frame.index + 1;
		yield found === undefined ? painted(options, frame, last) : result(options, frame, { found, computed });
	}
	await stores.length.put(end).catch(() => undefined);
}

/** The left keyframe and what lies between it and the right one. */
async function* between<Description, Masks extends PassMasks>(
	options: PropagateKeyframesOptions<Description, Masks>,
	left: Keyframe,
	right: Keyframe,
): AsyncGenerator<MaskedFrame> {
	const { propagator, clock = new StageClock() } = options;
	const fromRight = await backwards(options, right, left, left.frame + 1);
	const pass = { own: left, helper: right, end: right.frame };
	for await (const { frame, found, computed } of forwards(options, pass)) {
		if (found === undefined) {
			yield painted(options, frame, left);
			continue;
		}
		const other = await fromRight(frame.index);
		const there = (frame.index - left.frame) / (right.frame - left.frame);
		const [a, b] = [(1 - there) * found.confidence ** 2, there * other.found.confidence ** 2];
		const share = a + b === 0 ? there : b / (a + b);
		const blended = await clock.measure('refinement', () =>
			propagator.blend(found, other.found, share, frame.image),
		);
		yield result(options, frame, { found: blended, computed: computed || other.computed });
	}
}

/** So many frames between the last two keyframes are offered to the pass behind them. */
const KNOWN_BETWEEN = 3;

/**
 * What passes have found between two keyframes, each from the side that is nearer. A single pass from the left one would have kept as much
 * of it; without it, a keyframe that shows an object half hidden would make worse what follows.
 */
const knownBetween = async <Masks extends PassMasks>(
	{ stores, objects }: Pick<PropagateKeyframesOptions<unknown, PassMasks>, 'stores' | 'objects'>,
	left: Keyframe,
	right: Keyframe,
): Promise<ReadonlyMap<number, Masks>> => {
	const known = new Map<number, Masks>();
	const length = right.frame - left.frame;
	for (let n = 1; n <= KNOWN_BETWEEN; n++) {
		const frame = left.frame + Math.round((n * length) / (KNOWN_BETWEEN + 1));
		const found = await (frame - left.frame < right.frame - frame
			? stores.pass<Masks>(left, right, 'forward', objects)
			: stores.pass<Masks>(right, left, 'backward', objects)
		).get(frame);
		if (found !== undefined) {
			known.set(frame, found);
		}
	}
	return known;
};

/** A keyframe and the frames behind it. @param end the first that is not wanted any more; the run's end when undefined */
const forwards = <Description, Masks extends PassMasks>(
	options: PropagateKeyframesOptions<Description, Masks>,
	{
		own,
		helper,
		known,
		end,
	}: {
		readonly own: Keyframe;
		readonly helper: Keyframe | undefined;
		readonly known?: ReadonlyMap<number, Masks> | undefined;
		readonly end: number | undefined;
	},
): AsyncGenerator<PassedFrame<Masks>> =>
	runPass({
		...{ ...options, own, helper, known, direction: 'forward' },
		frames: options.frames.between(own.frame, end),
		store: options.stores.pass<Masks>(own, helper, 'forward', options.objects),
		decodeAgain: (indices) => options.frames.only(indices),
	});

type Found<Masks> = { readonly found: Masks; readonly computed: boolean };

/** Runs a pass from a keyframe back to a frame, and gives what reads its masks in any order. */
const backwards = async <Description, Masks extends PassMasks>(
	options: PropagateKeyframesOptions<Description, Masks>,
	own: Keyframe,
	helper: Keyframe | undefined,
	to: number,
): Promise<(index: number) => Promise<Found<Masks>>> => {
	const computed = new Set<number>();
	const store = options.stores.pass<Masks>(own, helper, 'backward', options.objects);
	const pass = runPass({
		...{ ...options, own, helper, store, direction: 'backward' },
		frames: options.frames.backwards(own.frame, to),
		decodeAgain: (indices) => options.frames.only(indices),
	});
	for await (const passed of pass) {
		if (passed.computed) {
			computed.add(passed.frame.index);
		}
	}
	return async (index) => {
		const found = await store.get(index);
		if (found === undefined) {
			throw lost(index);
		}
		return { found, computed: computed.has(index) };
	};
};

const result = <Description, Masks extends PassMasks>(
	{ propagator, objects, palette }: PropagateKeyframesOptions<Description, Masks>,
	frame: Frame,
	{ found, computed }: Found<Masks>,
): MaskedFrame => {
	const { width, height } = frame.image;
	const ids = propagator.idsOf(found, objects, { width, height });
	return {
		frame,
		mask: { width, height, ids, palette },
		...{ confidence: found.confidence, painted: false, computed },
	};
};

const painted = (
	{ palette }: Pick<PropagateKeyframesOptions<unknown, PassMasks>, 'palette'>,
	frame: Frame,
	{ mask }: Keyframe,
): MaskedFrame => ({
	frame,
	mask: { ...mask, palette },
	...{ confidence: 1, painted: true, computed: false },
});
