import { throwIfAborted } from '../errors.js';
import { handled } from '../handled.js';
import type { Frame, LabelMap } from '../media/frame.js';
import { frameConfidence } from '../propagation/confidence.js';
import type { CarriedLabels } from '../propagation/propagate-masks.js';
import { carryPass, type PassContext, type PassFrame } from './carry-pass.js';
import type { FrameStore } from './frame-store.js';
import type { Keyframe } from './keyframe.js';
import { type Meeting, meet } from './meet.js';
import { PassAhead } from './pass-ahead.js';
import type { RunStores } from './run-stores.js';
import { carriedTo, StoredPass } from './stored-pass.js';

export type PropagateKeyframesOptions = PassContext & {
	/** At least one, by ascending frame. */
	readonly keyframes: readonly Keyframe[];
	/** Colours of every object of every keyframe. */
	readonly palette: Uint8Array;
	readonly stores: RunStores;
};

/** So many meetings are computed beside the one whose frames are wanted: while passes wait for each other, others have the threads. */
const MEETINGS_AHEAD = 2;

/** A frame with its mask. */
export type KeyframedMask = {
	readonly frame: Frame;
	readonly mask: LabelMap;
	/** 0..1; 1 for painted frames. */
	readonly confidence: number;
	readonly painted: boolean;
	/** False when the mask was found in an earlier run. */
	readonly computed: boolean;
};

/**
 * Carries painted masks through a clip, from each keyframe in both directions, and gives the frames in order.
 *
 * Between two keyframes both passes run to the middle and on while each changes what the other has found there; where both
 * have been, they are joined by nearness and confidence. Frames before the first keyframe are carried backwards from it,
 * those after the last one forwards. Passes that do not need each other run side by side: the two between keyframes, those
 * between the next ones, and the one behind the last.
 *
 * Memory does not grow with the clip: what a pass finds is kept on disk until the other one is there; of the decoded frames
 * as many are kept as there is room for, and the others are decoded again. Passes depend on their keyframe alone and joins on
 * their two keyframes, so after another correction only the passes next to it are new.
 *
 * @throws AbortedError when the signal fires
 */
export async function* propagateKeyframes(
	options: PropagateKeyframesOptions,
): AsyncGenerator<KeyframedMask, void, void> {
	const { keyframes, stores } = options;
	const [first, last] = [keyframes[0], keyframes.at(-1)];
	if (first === undefined || last === undefined) {
		throw new Error('Propagation needs at least one keyframe.');
	}
	// What runs ahead of the consumer ends with it, and then as if aborted.
	const consumer = new AbortController();
	const context = abortable(options, consumer.signal);
	const begun: Promise<Meeting>[] = [];
	const beginMeetings = (count: number): void => {
		while (begun.length < Math.min(count, keyframes.length - 1)) {
			const [left, right] = keyframes.slice(begun.length) as [Keyframe, Keyframe];
			begun.push(handled(meet(context, stores, left, right)));
		}
	};
	const ahead = keyframes.length > 1 ? await trailingAhead(options, last) : undefined;
	try {
		beginMeetings(1 + MEETINGS_AHEAD);
		if (first.frame > 0) {
			yield* leadingFrames(options, first);
		}
		for (let position = 0; position < begun.length; position++) {
			const meeting = (await begun[position]) as Meeting;
			beginMeetings(position + 2 + MEETINGS_AHEAD);
			yield* framesOfMeeting(options, meeting);
		}
		yield* trailingFrames(options, last, ahead);
	} finally {
		consumer.abort();
		await Promise.allSettled([...begun, ahead?.close()]);
	}
}

/** From the first keyframe back to the beginning. */
async function* leadingFrames(
	options: PropagateKeyframesOptions,
	keyframe: Keyframe,
): AsyncGenerator<KeyframedMask> {
	const store = options.stores.pass(keyframe, 'backward');
	const pass = new StoredPass(options, keyframe, { direction: 'backward', last: 0, store });
	await pass.reach(0).finally(() => pass.close());
	for await (const frame of options.frames.between(0, keyframe.frame)) {
		throwIfAborted(options.signal);
		const carried = await pass.at(frame.index);
		yield result(options, frame, carried.ids, confidenceOf(carried), pass.hasComputed(frame.index));
	}
}

/** A keyframe and what lies between it and the next. */
async function* framesOfMeeting(
	options: PropagateKeyframesOptions,
	{ left, right, at }: Meeting,
): AsyncGenerator<KeyframedMask> {
	for await (const frame of options.frames.between(left.frame, right.frame)) {
		throwIfAborted(options.signal);
		if (frame.index === left.frame) {
			yield paintedResult(options, frame, left);
		} else {
			const { ids, confidence, computed } = await at(frame.index);
			yield result(options, frame, ids, confidence, computed);
		}
	}
}

/** The pass behind the last keyframe, begun while what comes before it is still to be done. */
const trailingAhead = async (options: PropagateKeyframesOptions, keyframe: Keyframe): Promise<PassAhead> => {
	const store = options.stores.pass(keyframe, 'forward');
	const pass = await trailingPass(options, keyframe, store);
	return new PassAhead(pass, (index) =>
		carriedTo(options, keyframe, { direction: 'forward', last: undefined, store }, index),
	);
};

const trailingPass = async (
	options: PropagateKeyframesOptions,
	keyframe: Keyframe,
	store: FrameStore<CarriedLabels>,
): Promise<AsyncGenerator<PassFrame, void, void>> => {
	const length = await options.stores.length.get();
	const last = length === undefined ? undefined : length - 1;
	return carryPass(options, keyframe, { direction: 'forward', last, store });
};

/** The last keyframe and everything after it, as it is decoded. */
async function* trailingFrames(
	options: PropagateKeyframesOptions,
	keyframe: Keyframe,
	ahead: PassAhead | undefined,
): AsyncGenerator<KeyframedMask> {
	const { frames, stores } = options;
	const decoded = frames.between(keyframe.frame, await stores.length.get());
	try {
		const painted = await decoded.next();
		if (!painted.done) {
			yield paintedResult(options, painted.value, keyframe);
		}
		const store = forgiving(stores.pass(keyframe, 'forward'));
		const pass = ahead?.take() ?? (await trailingPass(options, keyframe, store));
		let end = keyframe.frame + 1;
		for await (const { index, carried, isNew, frame } of pass) {
			throwIfAborted(options.signal);
			const image = frame ?? (await decoded.next()).value;
			if (image !== undefined) {
				yield result(options, image, carried.ids, confidenceOf(carried), isNew);
			}
			if (frame !== undefined) {
				await decoded.return(); // The pass decodes from here on.
			}
			end = index + 1;
		}
		await stores.length.put(end).catch(() => {});
	} finally {
		await decoded.return();
	}
}

/** The same passes, which also end with what they are for. */
const abortable = (options: PropagateKeyframesOptions, signal: AbortSignal): PassContext => {
	const either = options.signal === undefined ? signal : AbortSignal.any([options.signal, signal]);
	return { ...options, signal: either };
};

/** Where results are only kept for a later run, a full disk must not end this one. */
const forgiving = <Result>(store: FrameStore<Result>): FrameStore<Result> => ({
	get: store.get,
	put: (frame, value) => store.put(frame, value).catch(() => {}),
});

const confidenceOf = ({ voted, bestSimilarity }: CarriedLabels): number =>
	frameConfidence(voted, bestSimilarity);

const result = (
	{ palette }: PropagateKeyframesOptions,
	frame: Frame,
	ids: Uint8Array,
	confidence: number,
	computed: boolean,
): KeyframedMask => {
	const { width, height } = frame.image;
	return { frame, mask: { width, height, ids, palette }, confidence, painted: false, computed };
};

const paintedResult = (
	{ palette }: PropagateKeyframesOptions,
	frame: Frame,
	{ mask }: Keyframe,
): KeyframedMask => ({
	frame,
	mask: { ...mask, palette },
	confidence: 1,
	painted: true,
	computed: false,
});
