import { handled, prefetch } from '../core/concurrency.js';
import { throwIfAborted, UserError } from '../core/errors.js';
import type { Direction, Frame, Keyframe } from '../core/frame.js';
import { StageClock } from '../core/stage-clock.js';
import type { FrameStore } from '../store/frame-store.js';
import type { DoneFrame, PassMasks, Propagator } from './propagator.js';

type PassOptions<Description, Masks extends PassMasks> = {
	readonly propagator: Propagator<Description, Masks>;
	/** In the order of the pass; the first is its own keyframe. */
	readonly frames: AsyncIterable<Frame>;
	readonly own: Keyframe;
	/** Another painted frame to remember from the start. */
	readonly helper?: Keyframe | undefined;
	/** Masks of frames before it that other passes have found. */
	readonly known?: ReadonlyMap<number, Masks> | undefined;
	/** Of all keyframes of the run. */
	readonly objects: readonly number[];
	/** What an earlier run of the pass has found, and where this one leaves what it finds. */
	readonly store: FrameStore<Masks>;
	readonly direction: Direction;
	/** Decodes frames of the run once more, in any order. */
	readonly decodeAgain: (indices: readonly number[]) => AsyncIterable<Frame>;
	readonly clock?: StageClock | undefined;
	readonly signal?: AbortSignal | undefined;
};

export type PassedFrame<Masks> = {
	readonly frame: Frame;
	/** Undefined for the pass's own keyframe. */
	readonly found: Masks | undefined;
	/** False for what an earlier run has found. */
	readonly computed: boolean;
};

/**
 * One pass: its own keyframe, and from there frame by frame. What the store has is taken from there; the rest is computed and stored.
 * A frame is described while masks are carried into the one before, and asked for before that one's have come.
 */
export async function* runPass<Description, Masks extends PassMasks>(
	options: PassOptions<Description, Masks>,
): AsyncGenerator<PassedFrame<Masks>, void, void> {
	const { store, direction, signal } = options;
	let writing: Promise<void> | undefined;
	try {
		for await (const { frame, finding, computed } of prefetch(askForFrames(options), 1)) {
			throwIfAborted(signal);
			const found = await finding;
			if (computed && found !== undefined) {
				await writing;
				const put = handled(store.put(frame.index, found));
				// Forwards, masks are kept for a later run only: a full disk must not end this one.
				writing = direction === 'forward' ? put.catch(() => undefined) : put;
			}
			yield { frame, found, computed };
		}
	} finally {
		await writing;
	}
}

type AskedFrame<Masks> = Omit<PassedFrame<Masks>, 'found'> & {
	readonly finding: Promise<Masks> | undefined;
};

/** Brings the propagator to where the stored frames end, and asks it for one frame after the other. */
async function* askForFrames<Description, Masks extends PassMasks>(
	options: PassOptions<Description, Masks>,
): AsyncGenerator<AskedFrame<Masks>> {
	const { propagator, own, clock = new StageClock() } = options;
	const done: DoneFrame[] = [];
	let isBegun = false;
	for await (const { frame, stored, described } of prefetch(lookUp(options), 1)) {
		if (frame.index === own.frame) {
			if (described !== undefined) {
				await begin(options, done, described);
				isBegun = true;
			}
			yield { frame, finding: undefined, computed: false };
		} else if (stored !== undefined) {
			done.push({ frame: frame.index, confidence: stored.confidence });
			yield { frame, finding: Promise.resolve(stored), computed: false };
		} else if (described !== undefined) {
			if (!isBegun) {
				await begin(options, done);
				isBegun = true;
			}
			const known = await described;
			const finding = clock.measure('matching', () => propagator.next(frame.index, known, frame.image));
			yield { frame, finding: handled(finding), computed: true };
		}
	}
}

/** With what the store has of it, or what is being found out about it; the pass's own keyframe has neither where the store has the next. */
type FrameAhead<Description, Masks> = {
	readonly frame: Frame;
	readonly stored?: Masks;
	readonly described?: Promise<Description>;
};

/** Looks frames up in the store, up to the first that it lacks; from there on they are described. */
async function* lookUp<Description, Masks extends PassMasks>(
	options: PassOptions<Description, Masks>,
): AsyncGenerator<FrameAhead<Description, Masks>> {
	const { propagator, own, direction, store, signal, clock = new StageClock() } = options;
	const describe = (frame: Frame): Promise<Description> =>
		handled(clock.measure('inversion', () => propagator.describe(frame.image)));
	const second = own.frame + (direction === 'forward' ? 1 : -1);
	let isStored = (await store.get(second)) !== undefined;
	for await (const frame of timed(options.frames, clock)) {
		throwIfAborted(signal);
		if (frame.index === own.frame) {
			yield isStored ? { frame } : { frame, described: describe(frame) };
			continue;
		}
		const stored = isStored ? await store.get(frame.index) : undefined;
		if (stored !== undefined) {
			yield { frame, stored };
			continue;
		}
		isStored = false;
		yield { frame, described: describe(frame) };
	}
}

async function* timed(frames: AsyncIterable<Frame>, clock: StageClock): AsyncGenerator<Frame> {
	const decoded = frames[Symbol.asyncIterator]();
	try {
		for (;;) {
			const { done, value } = await clock.measure('decode', () => decoded.next());
			if (done) {
				return;
			}
			yield value;
		}
	} finally {
		await decoded.return?.();
	}
}

/** Brings the propagator to where it was behind the frames that are done. @param ownFrame the pass's keyframe, if that is at hand */
const begin = async <Description, Masks extends PassMasks>(
	{
		propagator,
		own,
		helper,
		known = new Map(),
		objects,
		store,
		decodeAgain,
	}: PassOptions<Description, Masks>,
	done: readonly DoneFrame[],
	ownFrame?: Promise<Description>,
): Promise<void> => {
	const given = [...known].map(([frame, { confidence }]) => ({ frame, confidence }));
	const needed = await propagator.begin({ frame: own.frame, objects, done, known: given });
	const painted = helper === undefined ? [own] : [own, helper];
	const indices = [...painted.map(({ frame }) => frame), ...needed];
	const images = new Map<number, Frame['image']>();
	for await (const { index, image } of decodeAgain(ownFrame === undefined ? indices : indices.slice(1))) {
		images.set(index, image);
	}
	const describe = (index: number): Promise<Description> => {
		const image = images.get(index);
		if (image === undefined) {
			throw new Error(`Frame ${index} can't be decoded a second time.`);
		}
		return propagator.describe(image);
	};
	for (const index of indices) {
		const described = (index === own.frame ? ownFrame : undefined) ?? describe(index);
		const masks =
			painted.find(({ frame }) => frame === index)?.mask ?? known.get(index) ?? (await store.get(index));
		if (masks === undefined) {
			throw lost(index);
		}
		await propagator.remember(index, await described, masks);
	}
};

/** What is thrown for masks that have been in the store. */
export const lost = (index: number): UserError =>
	new UserError(
		`The masks of frame ${index} have gone from the cache during the run (by "propagate cache clear", perhaps); run again.`,
	);
