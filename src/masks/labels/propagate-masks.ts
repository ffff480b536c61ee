import type { DescriptorExtractor } from '../../core/descriptor-map.js';
import { type Frame, type LabelMap, objectIds } from '../../core/frame.js';
import type { StageClock } from '../../core/stage-clock.js';
import type { Runtime } from '../../runtime/session.js';
import { type MaskedFrame, nothingStored, propagateKeyframes } from '../propagate-keyframes.js';
import { LabelPropagator } from './label-propagator.js';
import type { PropagationSettings } from './settings.js';

type PropagateMasksOptions = {
	/** In presentation order; the first one, numbered 0, is the frame the mask was painted on. */
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

/**
 * Carries the first frame's mask through a clip by label propagation, one frame at a time; memory does not grow with its length.
 * The first frame comes back with the painted mask itself.
 *
 * @throws AbortedError when the signal fires
 */
export async function* propagateMasks(options: PropagateMasksOptions): AsyncGenerator<MaskedFrame> {
	const { frames, mask, extractor, runtime, settings, clock, signal } = options;
	const propagator = new LabelPropagator(extractor, runtime, settings);
	try {
		yield* propagateKeyframes({
			...{ propagator, clock, signal, stores: nothingStored, palette: mask.palette },
			...{ keyframes: [{ frame: 0, mask }], objects: objectIds(mask) },
			// A single pass forwards reads them once.
			frames: { between: () => frames, async *backwards() {}, async *only() {} },
		});
	} finally {
		await propagator.close();
	}
}
