import type { DescriptorExtractor } from '../../core/extractor.js';
import type { Frame, LabelMap } from '../../core/frame.js';
import { objectIds } from '../../core/object-ids.js';
import type { StageClock } from '../../core/stage-clock.js';
import type { Runtime } from '../../runtime/session.js';
import { runPass } from '../pass.js';
import { nothing } from '../propagate-keyframes.js';
import { LabelPropagator } from './label-propagator.js';
import type { PropagationSettings } from './settings.js';

export type PropagateMasksOptions = {
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

/** A frame with the mask that was carried to it. */
export type MaskedFrame = {
	readonly frame: Frame;
	readonly mask: LabelMap;
	/** 0..1 */
	readonly confidence: number;
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
	const pass = runPass({
		...{ propagator, frames, clock, signal, direction: 'forward', objects: objectIds(mask) },
		own: { frame: 0, mask },
		store: nothing,
		// Nothing has been stored that would have to be looked at again.
		async *decodeAgain() {},
	});
	try {
		for await (const { frame, found } of pass) {
			const { width, height } = frame.image;
			yield found === undefined
				? { frame, mask, confidence: 1 }
				: {
						frame,
						mask: { width, height, ids: found.ids, palette: mask.palette },
						confidence: found.confidence,
					};
		}
	} finally {
		await propagator.close();
	}
}
