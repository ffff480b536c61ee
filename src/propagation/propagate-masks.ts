import { DescriptorBank, type NormalisedDescriptors } from '../correspondence/descriptor-bank.js';
import { throwIfAborted } from '../errors.js';
import type { DescriptorExtractor } from '../hyperfeatures/extractor.js';
import type { Frame, LabelMap } from '../media/frame.js';
import { refineLabels } from '../refinement/refine-labels.js';
import type { Runtime } from '../runtime/session.js';
import { frameConfidence } from './confidence.js';
import { LabelPropagator } from './label-propagator.js';
import { prefetch } from './prefetch.js';
import type { PropagationSettings } from './settings.js';
import { labelsFromMask, objectIds } from './soft-labels.js';
import { StageClock } from './stage-clock.js';

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
};

/** A frame with the mask that was carried to it. */
export type MaskedFrame = {
	readonly frame: Frame;
	readonly mask: LabelMap;
	/** 0..1, see {@link frameConfidence}. */
	readonly confidence: number;
};

type DescribedFrame = { readonly frame: Frame; readonly descriptors: NormalisedDescriptors };

/**
 * Carries the first frame's mask through a clip, one frame at a time; memory does not grow with its length.
 * The first frame comes back with the painted mask itself.
 *
 * @throws AbortedError when the signal fires
 */
export async function* propagateMasks(options: PropagateMasksOptions): AsyncGenerator<MaskedFrame> {
	const { mask, runtime, settings, signal } = options;
	const clock = options.clock ?? new StageClock();
	const ids = objectIds(mask);
	let propagator: LabelPropagator | undefined;
	try {
		for await (const { frame, descriptors } of prefetch(describeFrames(options, clock), 1)) {
			throwIfAborted(signal);
			if (propagator === undefined) {
				propagator = await LabelPropagator.open(runtime, descriptors.grid, settings);
				propagator.addKeyframe(descriptors, labelsFromMask(mask, descriptors.grid, ids));
				yield { frame, mask, confidence: 1 };
				continue;
			}
			const current = propagator;
			const { labels, bestSimilarity } = await clock.measure('matching', () => current.vote(descriptors));
			const refined = await clock.measure('refinement', () =>
				refineLabels(labels, frame.image, settings.refinement),
			);
			current.remember(descriptors, settings.feedBack === 'refined' ? refined.labels : labels);
			yield {
				frame,
				mask: {
					width: frame.image.width,
					height: frame.image.height,
					ids: refined.ids,
					palette: mask.palette,
				},
				confidence: frameConfidence(labels, bestSimilarity),
			};
		}
	} finally {
		await propagator?.close();
	}
}

/** Decodes and describes frames, ahead of the matching that needs them. */
async function* describeFrames(
	{ frames, extractor, runtime, signal }: PropagateMasksOptions,
	clock: StageClock,
): AsyncGenerator<DescribedFrame> {
	const bank = new DescriptorBank(runtime);
	const decoded = prefetch(frames, 1);
	try {
		for (;;) {
			const next = await clock.measure('decode', () => decoded.next());
			if (next.done) {
				return;
			}
			throwIfAborted(signal);
			const frame = next.value;
			const descriptors = await clock.measure('inversion', async () =>
				bank.add(await extractor.extract(frame.image)),
			);
			yield { frame, descriptors };
		}
	} finally {
		await decoded.return(undefined);
		await bank.close();
	}
}
