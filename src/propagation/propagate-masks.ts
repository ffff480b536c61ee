import { throwIfAborted } from '../errors.js';
import { handled } from '../handled.js';
import type { DescriptorMap } from '../hyperfeatures/descriptor-map.js';
import type { DescriptorExtractor } from '../hyperfeatures/extractor.js';
import type { Frame, LabelMap } from '../media/frame.js';
import type { Runtime } from '../runtime/session.js';
import { frameConfidence } from './confidence.js';
import { DeviceVoter } from './device-voter.js';
import { LabelPropagator } from './label-propagator.js';
import { LabelThread } from './label-thread.js';
import { prefetch } from './prefetch.js';
import type { PropagationSettings } from './settings.js';
import { classIds, labelsFromMask, type SoftLabels } from './soft-labels.js';
import { StageClock } from './stage-clock.js';
import type { StoredFrame, Voter } from './voter.js';

export type PropagateMasksOptions = {
	/** In presentation order; the first one is the frame the mask was painted on. */
	readonly frames: AsyncIterable<Frame>;
	/** The painted mask, of the frames' size. */
	readonly mask: LabelMap;
	readonly extractor: DescriptorExtractor;
	readonly runtime: Runtime;
	readonly settings: PropagationSettings;
	readonly signal?: AbortSignal | undefined;
	/** Collects the time spent in each stage. */
	readonly clock?: StageClock | undefined;
	/** A thread to share with other passes on the clip; left open at the end. */
	readonly thread?: LabelThread | undefined;
	/**
	 * Whether the frame after this one will be wanted, too: it is then begun before this one is done, so that the thread never
	 * waits. True when omitted; false where the consumer may stop.
	 */
	readonly goesOn?: ((frameIndex: number) => boolean) | undefined;
	/** The result of a frame that an earlier run has carried already: it is only remembered, not computed again. */
	readonly known?: ((frameIndex: number) => Promise<CarriedLabels | undefined>) | undefined;
};

/** What a pass finds for one frame. */
export type CarriedLabels = {
	/** [H * W of the frame] object ids. */
	readonly ids: Uint8Array;
	/** As voted by the remembered frames, before refinement. */
	readonly voted: SoftLabels;
	/** What later frames match against. */
	readonly remembered: SoftLabels;
	/** [cells] cosine similarity of each cell's best match. */
	readonly bestSimilarity: Float32Array;
};

/** A frame with the mask that was carried to it. */
export type MaskedFrame = {
	readonly frame: Frame;
	readonly mask: LabelMap;
	/** 0..1, see {@link frameConfidence}. */
	readonly confidence: number;
	/** What the mask was made from; undefined for the painted frame. */
	readonly carried?: CarriedLabels | undefined;
};

/** A map, or the file where the cache has it. */
type Description = DescriptorMap | string;
type DescribedFrame = { readonly frame: Frame; readonly described: Promise<Description> };
type FrameInMemory = { readonly frame: Frame; readonly descriptors: StoredFrame };

/**
 * Carries the first frame's mask through a clip, one frame at a time; memory does not grow with its length.
 * The first frame comes back with the painted mask itself.
 *
 * @throws AbortedError when the signal fires
 */
export async function* propagateMasks(options: PropagateMasksOptions): AsyncGenerator<MaskedFrame> {
	const { mask, runtime, settings, signal } = options;
	const clock = options.clock ?? new StageClock();
	const thread = options.thread ?? new LabelThread(settings);
	const voter = runtime.device === 'cpu' ? thread : new DeviceVoter(runtime, settings);
	const propagator = new LabelPropagator(voter, settings);
	const unclaimed = new Set<StoredFrame>();
	const begun = beginFrames(options, { propagator, voter, thread, unclaimed, clock });
	let next: Promise<IteratorResult<BegunFrame, void>> | undefined;
	try {
		for (;;) {
			const { done, value } = await (next ?? begun.next());
			if (done) {
				return;
			}
			const { frame, carrying } = value;
			next = (options.goesOn?.(frame.index) ?? true) ? handled(begun.next()) : undefined;
			yield maskedFrame(mask, frame, await carrying);
			throwIfAborted(signal);
		}
	} finally {
		await next?.catch(() => undefined);
		await begun.return();
		propagator.close();
		for (const frame of unclaimed) {
			frame.free();
		}
		if (voter !== thread) {
			await voter.close();
		}
		if (thread !== options.thread) {
			await thread.close();
		}
	}
}

const maskedFrame = (painted: LabelMap, frame: Frame, carried: CarriedLabels | undefined): MaskedFrame => {
	if (carried === undefined) {
		return { frame, mask: painted, confidence: 1 };
	}
	const { width, height } = frame.image;
	return {
		frame,
		mask: { width, height, ids: carried.ids, palette: painted.palette },
		confidence: frameConfidence(carried.voted, carried.bestSimilarity),
		carried,
	};
};

/** A frame whose labels are on their way; undefined for the painted one. */
type BegunFrame = { readonly frame: Frame; readonly carrying: Promise<CarriedLabels> | undefined };

type Workplace = {
	readonly propagator: LabelPropagator;
	readonly voter: Voter;
	/** Refines, and on the CPU is the voter. */
	readonly thread: LabelThread;
	/** Frames that the voter has and the propagator has not: where the consumer stops, some were stored for nothing. */
	readonly unclaimed: Set<StoredFrame>;
	readonly clock: StageClock;
};

/** Asks for the votes and refinements, a frame with each step. Only a voter elsewhere has to be told the labels before the next one. */
async function* beginFrames(
	options: PropagateMasksOptions,
	workplace: Workplace,
): AsyncGenerator<BegunFrame, void, void> {
	const { mask, extractor, known, signal } = options;
	const { propagator, voter, thread, unclaimed, clock } = workplace;
	const ids = classIds(mask);
	const described = prefetch(describeFrames(options, clock), 1);
	let isFirst = true;
	for await (const { frame, descriptors } of prefetch(storeFrames(described, extractor, workplace), 1)) {
		throwIfAborted(signal);
		if (isFirst) {
			isFirst = false;
			unclaimed.delete(descriptors);
			propagator.addKeyframe(descriptors, labelsFromMask(mask, descriptors.grid, ids));
			yield { frame, carrying: undefined };
			continue;
		}
		const earlier = await known?.(frame.index);
		const carrying = earlier === undefined ? handled(carry(options, workplace, frame, descriptors)) : earlier;
		yield { frame, carrying: Promise.resolve(carrying) };
		const isTold = earlier !== undefined || voter !== thread;
		propagator.remember(descriptors, isTold ? (await carrying).remembered : undefined);
		unclaimed.delete(descriptors);
	}
}

const carry = async (
	{ settings }: PropagateMasksOptions,
	{ propagator, voter, thread, clock }: Workplace,
	frame: Frame,
	descriptors: StoredFrame,
): Promise<CarriedLabels> => {
	const voting = propagator.vote(descriptors);
	const refining = handled(
		voter === thread
			? thread.refine(descriptors, frame.image, settings.refinement)
			: voting.then((vote) => thread.refine(vote.labels, frame.image, settings.refinement)),
	);
	const { labels, bestSimilarity } = await clock.measure('matching', () => voting);
	const refined = await clock.measure('refinement', () => refining);
	return {
		ids: refined.ids,
		voted: labels,
		remembered: settings.feedBack === 'refined' ? refined.labels : labels,
		bestSimilarity,
	};
};

/**
 * Decodes frames and has them described, ahead of the matching that needs them. The next frame is prepared while the model still
 * works on the one before, and the model does not wait until the voter is free.
 */
async function* describeFrames(
	{ frames, extractor, signal }: PropagateMasksOptions,
	clock: StageClock,
): AsyncGenerator<DescribedFrame> {
	const decoded = prefetch(frames, 1);
	try {
		for (;;) {
			const next = await clock.measure('decode', () => decoded.next());
			if (next.done) {
				return;
			}
			throwIfAborted(signal);
			const frame = next.value;
			yield { frame, described: handled(describe(extractor, frame.image, clock)) };
		}
	} finally {
		await decoded.return(undefined);
	}
}

const describe = async (
	extractor: DescriptorExtractor,
	image: Frame['image'],
	clock: StageClock,
): Promise<Description> =>
	(await extractor.fileOf?.(image)) ?? clock.measure('inversion', () => extractor.extract(image));

/** Hands the descriptors to the voter, one frame ahead of its votes. */
async function* storeFrames(
	frames: AsyncIterable<DescribedFrame>,
	extractor: DescriptorExtractor,
	{ voter, unclaimed, clock }: Workplace,
): AsyncGenerator<FrameInMemory> {
	const store = (map: DescriptorMap): Promise<StoredFrame> =>
		clock.measure('matching', () => voter.store(map));
	for await (const { frame, described } of frames) {
		const found = await described;
		const descriptors =
			typeof found === 'string'
				? ((await clock.measure('matching', () => voter.load(found))) ??
					// A file that can't be read after all counts as absent.
					(await store(await extractor.extract(frame.image))))
				: await store(found);
		unclaimed.add(descriptors);
		yield { frame, descriptors };
	}
}
