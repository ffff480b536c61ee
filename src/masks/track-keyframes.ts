import type { Direction } from '../corrections/carry-pass.js';
import type { RunFrames } from '../corrections/frame-range.js';
import type { FrameStore } from '../corrections/frame-store.js';
import type { Keyframe } from '../corrections/keyframe.js';
import type { KeyframedMask } from '../corrections/propagate-keyframes.js';
import { throwIfAborted } from '../errors.js';
import { handled } from '../handled.js';
import type { Frame } from '../media/frame.js';
import { prefetch } from '../propagation/prefetch.js';
import { StageClock } from '../propagation/stage-clock.js';
import type { DescribedFrame, MaskTracker } from './mask-tracker.js';
import { MemoryPlan, meanOf } from './memory-plan.js';
import { blend, idsOf, type SoftMask, softMaskOf } from './soft-mask.js';
import type { DoneFrame } from './tracker-protocol.js';

/** A frame's masks as a pass found them, as they are kept on disk. */
export type StoredMask = {
	/** The data of a {@link SoftMask}. */
	readonly ids: Uint8Array;
	/** [objects] */
	readonly quality: readonly number[];
};

/** What earlier runs on the same clip have found, and where this one leaves what it finds. */
export type PassStores = {
	/** @param helper the painted frame that the pass remembers beside its own */
	tracked(
		own: Keyframe,
		helper: Keyframe | undefined,
		direction: Direction,
		objects: readonly number[],
	): FrameStore<StoredMask>;
	/** The number of frames of the run, once one has come to the end. */
	readonly length: { get(): Promise<number | undefined>; put(frames: number): Promise<void> };
};

/** For a single pass forwards, of which nothing is to be kept. */
export const nothingStored: PassStores = {
	tracked: () => ({ get: async () => undefined, put: async () => undefined }),
	length: { get: async () => undefined, put: async () => undefined },
};

export type TrackKeyframesOptions = {
	readonly frames: RunFrames;
	/** At least one, by ascending frame. */
	readonly keyframes: readonly Keyframe[];
	/** Every object of every keyframe. */
	readonly objects: readonly number[];
	/** Colours of all of them. */
	readonly palette: Uint8Array;
	readonly tracker: MaskTracker;
	readonly stores: PassStores;
	readonly clock?: StageClock | undefined;
	readonly signal?: AbortSignal | undefined;
};

/**
 * Carries painted masks through a clip, from each keyframe in both directions, and gives the frames in order.
 *
 * Keyframes cut the clip into spans. Before the first one, masks are tracked backwards from it; behind the last one, forwards. Between
 * two, a pass comes from each side with the other side's painted frame in its memory, and each frame gets the mean of both, weighted by
 * nearness and by what the tracker thinks of them. A span depends on the keyframes at its ends alone, so another correction changes
 * nothing beyond its neighbours, and what does not change is read from the store.
 *
 * Memory does not grow with the clip: a pass that runs backwards leaves its masks in the store, from where they are read in order.
 *
 * @throws AbortedError when the signal fires
 */
export async function* trackKeyframes(
	options: TrackKeyframesOptions,
): AsyncGenerator<KeyframedMask, void, void> {
	const { keyframes, frames } = options;
	const [first, second] = keyframes;
	const last = keyframes.at(-1);
	if (first === undefined || last === undefined) {
		throw new Error('Tracking needs at least one keyframe.');
	}
	if (first.frame > 0) {
		const span = await backwards(options, first, second, 0);
		for await (const frame of frames.between(0, first.frame)) {
			yield result(options, frame, await span(frame.index));
		}
	}
	for (let i = 0; i + 1 < keyframes.length; i++) {
		yield* between(options, keyframes[i] as Keyframe, keyframes[i + 1] as Keyframe);
	}
	const length = await options.stores.length.get();
	let end = last.frame;
	for await (const passed of trackPass(options, {
		own: last,
		helper: keyframes.at(-2),
		direction: 'forward',
		end: length,
	})) {
		end = passed.frame.index + 1;
		yield passed.found === undefined
			? painted(options, passed.frame, last)
			: result(options, passed.frame, passed.found);
	}
	await options.stores.length.put(end).catch(() => undefined);
}

/** The left keyframe and what lies between it and the right one. */
async function* between(
	options: TrackKeyframesOptions,
	left: Keyframe,
	right: Keyframe,
): AsyncGenerator<KeyframedMask> {
	const fromRight = await backwards(options, right, left, left.frame + 1);
	const pass = { own: left, helper: right, direction: 'forward', end: right.frame } as const;
	for await (const { frame, found } of trackPass(options, pass)) {
		if (found === undefined) {
			yield painted(options, frame, left);
			continue;
		}
		const other = await fromRight(frame.index);
		const there = (frame.index - left.frame) / (right.frame - left.frame);
		const [a, b] = [(1 - there) * meanOf(found.quality) ** 2, there * meanOf(other.quality) ** 2];
		const share = a + b === 0 ? there : b / (a + b);
		yield result(options, frame, {
			mask: blend(found.mask, other.mask, share),
			quality: found.quality.map((q, object) => q + share * ((other.quality[object] as number) - q)),
			computed: found.computed || other.computed,
		});
	}
}

type Found = { readonly mask: SoftMask; readonly quality: readonly number[]; readonly computed: boolean };

/** Runs a pass from a keyframe back to a frame, and gives what reads its masks in any order. */
const backwards = async (
	options: TrackKeyframesOptions,
	own: Keyframe,
	helper: Keyframe | undefined,
	to: number,
): Promise<(index: number) => Promise<Found>> => {
	const computed = new Set<number>();
	let grid: SoftMask['grid'] | undefined;
	for await (const { frame, found } of trackPass(options, {
		own,
		helper,
		direction: 'backward',
		end: to - 1,
	})) {
		grid ??= options.tracker.gridOf(frame.image);
		if (found?.computed) {
			computed.add(frame.index);
		}
	}
	const store = options.stores.tracked(own, helper, 'backward', options.objects);
	return async (index) => {
		const stored = await store.get(index);
		if (stored === undefined || grid === undefined) {
			throw new Error(
				`The masks of frame ${index} were lost while they were needed: something has deleted them.`,
			);
		}
		return { mask: { grid, data: stored.ids }, quality: stored.quality, computed: computed.has(index) };
	};
};

type Pass = {
	readonly own: Keyframe;
	/** Another painted frame to remember from the start. */
	readonly helper: Keyframe | undefined;
	readonly direction: Direction;
	/** The first frame not to track any more, in the pass's direction; undefined at the end of the run (forward only). */
	readonly end: number | undefined;
};

type PassedFrame = {
	readonly frame: Frame /** Undefined for the pass's own keyframe. */;
	readonly found: Found | undefined;
};

/**
 * One pass: its own keyframe, and from there frame by frame. What the store has is taken from there; the rest is computed and stored. The
 * masks are the same either way, since a pass remembers what it stores.
 */
async function* trackPass(
	options: TrackKeyframesOptions,
	pass: Pass,
): AsyncGenerator<PassedFrame, void, void> {
	const { frames, signal, tracker, clock = new StageClock() } = options;
	const { own, direction, end } = pass;
	const step = direction === 'forward' ? 1 : -1;
	const store = options.stores.tracked(own, pass.helper, direction, options.objects);
	const inOrder =
		direction === 'forward'
			? frames.between(own.frame, end)
			: frames.backwards(own.frame, (end as number) + 1, (end as number) + 1);
	const done: DoneFrame[] = [];
	let isBegun = false;
	let writing: Promise<void> | undefined;
	try {
		for await (const { frame, stored, described } of prefetch(lookUp(options, inOrder, own, store), 1)) {
			throwIfAborted(signal);
			if (frame.index === own.frame) {
				if ((await store.get(own.frame + step)) === undefined) {
					await begin(options, pass, done, store, frame);
					isBegun = true;
				}
				yield { frame, found: undefined };
				continue;
			}
			const grid = tracker.gridOf(frame.image);
			if (stored !== undefined) {
				done.push({ frame: frame.index, quality: meanOf(stored.quality) });
				yield {
					frame,
					found: { mask: { grid, data: stored.ids }, quality: stored.quality, computed: false },
				};
				continue;
			}
			if (!isBegun) {
				await begin(options, pass, done, store);
				isBegun = true;
			}
			const known = await (described ?? tracker.describe(frame.image));
			const { mask, quality } = await clock.measure('matching', () => tracker.next(frame.index, known));
			await writing;
			writing = handled(store.put(frame.index, { ids: mask, quality }));
			// Where masks are kept for a later run only, a full disk must not end this one.
			writing = direction === 'forward' ? writing.catch(() => undefined) : writing;
			yield { frame, found: { mask: { grid, data: mask }, quality, computed: true } };
		}
	} finally {
		await writing;
	}
}

/** With what the store has of it, or what is being found out about it; the pass's own keyframe, which `begin` describes, has neither. */
type FrameAhead = {
	readonly frame: Frame;
	readonly stored?: StoredMask;
	readonly described?: Promise<DescribedFrame>;
};

/** Looks frames up in the store, up to the first that it lacks; from there on they are described while the ones before are tracked. */
async function* lookUp(
	{ tracker, clock = new StageClock() }: TrackKeyframesOptions,
	frames: AsyncIterable<Frame>,
	own: Keyframe,
	store: FrameStore<StoredMask>,
): AsyncGenerator<FrameAhead> {
	let isStored = true;
	for await (const frame of frames) {
		if (frame.index === own.frame) {
			yield { frame };
			continue;
		}
		const stored = isStored ? await store.get(frame.index) : undefined;
		if (stored !== undefined) {
			yield { frame, stored };
			continue;
		}
		isStored = false;
		const described = handled(clock.measure('inversion', () => tracker.describe(frame.image)));
		yield { frame, described };
	}
}

/** Brings the tracker to where it was after the frames that are done. @param ownFrame the pass's keyframe, if it is at hand */
const begin = async (
	options: TrackKeyframesOptions,
	{ own, helper }: Pass,
	done: readonly DoneFrame[],
	store: FrameStore<StoredMask>,
	ownFrame?: Frame,
): Promise<void> => {
	const { tracker, objects, frames } = options;
	const frameAt = async (index: number): Promise<Frame> => {
		for await (const frame of index === ownFrame?.index ? [ownFrame] : frames.between(index, index + 1)) {
			return frame;
		}
		throw new Error(`Frame ${index} can't be decoded a second time.`);
	};
	await tracker.begin(own.frame, objects.length, done);
	for (const { frame, mask } of helper === undefined ? [own] : [own, helper]) {
		const { image } = await frameAt(frame);
		await tracker.remember(
			'painted',
			frame,
			await tracker.describe(image),
			softMaskOf(mask, tracker.gridOf(image), objects),
		);
	}
	const plan = new MemoryPlan(own.frame);
	for (const { frame, quality } of done) {
		plan.add(frame, quality);
	}
	const last = done.at(-1)?.frame;
	const roles = [
		...plan.kept.map((frame) => ['kept', frame] as const),
		...(last === undefined ? [] : [['last', last] as const]),
	];
	for (const [role, index] of roles) {
		const stored = await store.get(index);
		if (stored === undefined) {
			throw new Error(
				`The masks of frame ${index} were lost while they were needed: something has deleted them.`,
			);
		}
		const { image } = await frameAt(index);
		const mask = { grid: tracker.gridOf(image), data: stored.ids };
		await tracker.remember(role, index, await tracker.describe(image), mask);
	}
};

const result = ({ objects, palette }: TrackKeyframesOptions, frame: Frame, found: Found): KeyframedMask => {
	const { width, height } = frame.image;
	return {
		frame,
		mask: { width, height, ids: idsOf(found.mask, objects, width, height), palette },
		confidence: meanOf(found.quality),
		painted: false,
		computed: found.computed,
	};
};

const painted = ({ palette }: TrackKeyframesOptions, frame: Frame, { mask }: Keyframe): KeyframedMask => ({
	frame,
	mask: { ...mask, palette },
	confidence: 1,
	painted: true,
	computed: false,
});
