import { RunFrames } from '../corrections/frame-range.js';
import { type DavisScore, evaluateDavis, type SequenceScore } from '../evaluation/evaluate-davis.js';
import type { MaskTracker } from '../masks/mask-tracker.js';
import { nothingStored, trackKeyframes } from '../masks/track-keyframes.js';
import { type Clip, openClip } from '../media/clip.js';
import type { LabelMap } from '../media/frame.js';
import { objectIds } from '../media/object-ids.js';
import { loadPreset } from '../presets/load-preset.js';
import { type Quality, withQuality } from '../presets/quality.js';
import { propagateMasks } from '../propagation/propagate-masks.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { openEngine, openTracker } from './open-engine.js';

export type DavisJob = RuntimeOptions & {
	/** Folder in DAVIS layout. */
	readonly root: string;
	readonly model?: string | undefined;
	readonly preset?: string | undefined;
	/** Replaces the preset's own choice between speed and quality. */
	readonly quality?: Quality | undefined;
	readonly sequences?: readonly string[] | undefined;
	readonly limit?: number | undefined;
	readonly signal?: AbortSignal | undefined;
	readonly onSequence?: ((score: SequenceScore) => void) | undefined;
};

/**
 * J&F of a model and a preset on a folder in DAVIS layout, by the rules of {@link evaluateDavis}.
 *
 * @throws UserError for an unknown model or preset, or a folder that is not in DAVIS layout
 */
export const evaluateDavisModel = async (job: DavisJob): Promise<DavisScore> => {
	const preset = withQuality(await loadPreset(job.preset), job.quality);
	const engine = await openEngine(job.model ?? preset.model, {
		...job,
		precision: preset.precision,
		features: preset.features,
	});
	const tracker = await openTracker(engine, engine.extractor, preset, job);
	try {
		return await evaluateDavis({
			root: job.root,
			sequences: job.sequences,
			limit: job.limit,
			signal: job.signal,
			onSequence: job.onSequence,
			async *propagate({ framesFolder }, mask) {
				const clip = await openClip(framesFolder);
				if (tracker !== undefined) {
					yield* trackSequence(tracker, clip, mask, job.signal);
					return;
				}
				const frames = clip.frames({ signal: job.signal });
				const masked = propagateMasks({
					...{ frames, mask, signal: job.signal },
					extractor: engine.extractor,
					runtime: engine.runtime,
					settings: preset.propagation,
				});
				for await (const { frame, mask: carried } of masked) {
					yield { index: frame.index, ids: carried.ids };
				}
			},
		});
	} finally {
		await tracker?.close();
		await engine.close();
	}
};

async function* trackSequence(
	tracker: MaskTracker,
	clip: Clip,
	mask: LabelMap,
	signal: AbortSignal | undefined,
) {
	const masked = trackKeyframes({
		frames: new RunFrames(clip, {}, false),
		keyframes: [{ frame: 0, mask }],
		objects: objectIds(mask),
		palette: mask.palette,
		...{ tracker, signal, stores: nothingStored },
	});
	for await (const { frame, mask: carried } of masked) {
		yield { index: frame.index, ids: carried.ids };
	}
}
