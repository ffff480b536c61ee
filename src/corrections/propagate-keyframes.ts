import { throwIfAborted } from '../errors.js';
import type { Frame, LabelMap } from '../media/frame.js';
import { frameConfidence } from '../propagation/confidence.js';
import type { CarriedLabels } from '../propagation/propagate-masks.js';
import { agreement } from './agreement.js';
import { carryPass, type Direction, type PassContext } from './carry-pass.js';
import { framesBetween } from './frame-range.js';
import type { FrameStore } from './frame-store.js';
import { joinMasks } from './join-masks.js';
import type { Keyframe } from './keyframe.js';
import type { RunStores } from './run-stores.js';

export type PropagateKeyframesOptions = PassContext & {
	/** At least one, by ascending frame. */
	readonly keyframes: readonly Keyframe[];
	/** Colours of every object of every keyframe. */
	readonly palette: Uint8Array;
	readonly stores: RunStores;
};

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

/** Two passes that agree this well... */
const MIN_AGREEMENT = 0.9;
/** ...on so many frames in a row have met: beyond, each would only repeat the other. */
const MEETING_FRAMES = 3;

/**
 * Carries painted masks through a clip, from each keyframe in both directions, and gives the frames in order.
 *
 * Between two keyframes both passes run to the middle and on until they agree on a few frames; where both have been,
 * they are joined by nearness and confidence. Frames before the first keyframe are carried backwards from it, those
 * after the last one forwards.
 *
 * Memory does not grow with the clip: what a pass finds is kept on disk until the other one is there, and frames are
 * decoded again for output. Passes depend on their keyframe alone and joins on their two keyframes, so after another
 * correction only the passes next to it are new.
 *
 * @throws AbortedError when the signal fires
 */
export async function* propagateKeyframes(
	options: PropagateKeyframesOptions,
): AsyncGenerator<KeyframedMask, void, void> {
	const { keyframes } = options;
	const [first] = keyframes;
	if (first === undefined) {
		throw new Error('Propagation needs at least one keyframe.');
	}
	if (first.frame > 0) {
		yield* leadingFrames(options, first);
	}
	for (const [position, keyframe] of keyframes.entries()) {
		const next = keyframes[position + 1];
		if (next === undefined) {
			yield* trailingFrames(options, keyframe);
		} else {
			yield* framesBetweenKeyframes(options, keyframe, next);
		}
	}
}

/** From the first keyframe back to the beginning. */
async function* leadingFrames(
	options: PropagateKeyframesOptions,
	keyframe: Keyframe,
): AsyncGenerator<KeyframedMask> {
	const store = options.stores.pass(keyframe, 'backward');
	const computed = new Set<number>();
	for await (const { index, frame } of carryPass(options, keyframe, 'backward', 0, store)) {
		if (frame !== undefined) {
			computed.add(index);
		}
	}
	for await (const frame of framesBetween(options.clip, options.range, 0, keyframe.frame)) {
		throwIfAborted(options.signal);
		const carried = await stored(store, frame.index);
		yield result(options, frame, carried.ids, confidenceOf(carried), computed.has(frame.index));
	}
}

/** The last keyframe and everything after it, as it is decoded. */
async function* trailingFrames(
	options: PropagateKeyframesOptions,
	keyframe: Keyframe,
): AsyncGenerator<KeyframedMask> {
	const { clip, range, stores } = options;
	const length = await stores.length.get();
	const decoded = framesBetween(clip, range, keyframe.frame);
	try {
		const painted = await decoded.next();
		if (!painted.done) {
			yield paintedResult(options, painted.value, keyframe);
		}
		const store = forgiving(stores.pass(keyframe, 'forward'));
		const last = length === undefined ? undefined : length - 1;
		let end = keyframe.frame + 1;
		for await (const { index, carried, frame } of carryPass(options, keyframe, 'forward', last, store)) {
			throwIfAborted(options.signal);
			const image = frame ?? (await decoded.next()).value;
			if (image !== undefined) {
				yield result(options, image, carried.ids, confidenceOf(carried), frame !== undefined);
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

/** A keyframe and what lies between it and the next. */
async function* framesBetweenKeyframes(
	options: PropagateKeyframesOptions,
	left: Keyframe,
	right: Keyframe,
): AsyncGenerator<KeyframedMask> {
	const { clip, range, signal, stores } = options;
	const forward = new StoredPass(options, left, 'forward', stores.pass(left, 'forward'));
	const backward = new StoredPass(options, right, 'backward', stores.pass(right, 'backward'));
	const { from, to } = await meet(forward, backward, left.frame, right.frame).finally(() =>
		Promise.all([forward.close(), backward.close()]),
	);
	const joins = stores.join(left, right);
	for await (const frame of framesBetween(clip, range, left.frame, right.frame)) {
		throwIfAborted(signal);
		const { index } = frame;
		if (index === left.frame) {
			yield paintedResult(options, frame, left);
		} else if (index < from || index > to) {
			const pass = index < from ? forward : backward;
			const carried = await pass.at(index);
			yield result(options, frame, carried.ids, confidenceOf(carried), pass.hasComputed(index));
		} else {
			let joined = await joins.get(index);
			const computed = joined === undefined;
			if (joined === undefined) {
				const [before, after] = [await forward.at(index), await backward.at(index)];
				const share = (index - from + 1) / (to - from + 2);
				joined = joinMasks(before, after, share, frame.image);
				await joins.put(index, joined);
			}
			yield result(options, frame, joined.ids, joined.confidence, computed);
		}
	}
}

/** The frames where both passes have been, `from` to `to`, both included. */
const meet = async (
	forward: StoredPass,
	backward: StoredPass,
	left: number,
	right: number,
): Promise<{ readonly from: number; readonly to: number }> => {
	const lowest = left + 1;
	const highest = right - 1;
	if (lowest > highest) {
		return { from: right, to: left };
	}
	const middle = Math.floor((left + right) / 2);
	let to = Math.min(highest, middle + 1);
	let from = Math.max(lowest, to - MEETING_FRAMES + 1);
	await forward.reach(to);
	await backward.reach(from);
	const agreeAt = async (index: number): Promise<boolean> =>
		agreement((await forward.at(index)).ids, (await backward.at(index)).ids) >= MIN_AGREEMENT;
	let row = 0;
	for (let index = from; index <= to; index++) {
		row += (await agreeAt(index)) ? 1 : 0;
	}
	if (row === to - from + 1) {
		return { from, to };
	}
	for (row = 0; from > lowest && row < MEETING_FRAMES; ) {
		await backward.reach(--from);
		row = (await agreeAt(from)) ? row + 1 : 0;
	}
	for (row = 0; to < highest && row < MEETING_FRAMES; ) {
		await forward.reach(++to);
		row = (await agreeAt(to)) ? row + 1 : 0;
	}
	return { from, to };
};

/** A pass that is run as far as it is needed. */
class StoredPass {
	readonly #store: FrameStore<CarriedLabels>;
	readonly #frames: ReturnType<typeof carryPass>;
	readonly #computed = new Set<number>();
	readonly #step: number;
	#reached: number;

	constructor(
		options: PropagateKeyframesOptions,
		keyframe: Keyframe,
		direction: Direction,
		store: FrameStore<CarriedLabels>,
	) {
		this.#store = store;
		this.#step = direction === 'forward' ? 1 : -1;
		this.#reached = keyframe.frame;
		this.#frames = carryPass(options, keyframe, direction, direction === 'forward' ? undefined : 0, store);
	}

	/** Runs the pass up to a frame, included. */
	async reach(index: number): Promise<void> {
		while ((index - this.#reached) * this.#step > 0) {
			const { done, value } = await this.#frames.next();
			if (done) {
				throw new Error(`The clip ended before frame ${index}.`);
			}
			this.#reached = value.index;
			if (value.frame !== undefined) {
				this.#computed.add(value.index);
			}
		}
	}

	at(index: number): Promise<CarriedLabels> {
		return stored(this.#store, index);
	}

	hasComputed(index: number): boolean {
		return this.#computed.has(index);
	}

	async close(): Promise<void> {
		await this.#frames.return();
	}
}

const stored = async (store: FrameStore<CarriedLabels>, index: number): Promise<CarriedLabels> => {
	const carried = await store.get(index);
	if (carried === undefined) {
		throw new Error(`The result of frame ${index} has gone from the cache; run again.`);
	}
	return carried;
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
