import { objectIds } from '../core/frame.js';
import type { Quality } from '../core/quality.js';
import { type DavisScore, evaluateDavis, type SequenceScore } from '../evaluation/evaluate-davis.js';
import { nothingStored, propagateKeyframes } from '../masks/propagate-keyframes.js';
import { openClip } from '../media/clip.js';
import { RunFrames } from '../media/run-frames.js';
import { loadPreset, withQuality } from '../presets/preset.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { openEngine, openPropagator } from './open-engine.js';

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
	const propagator = await openPropagator(engine, preset, job);
	try {
		return await evaluateDavis({
			root: job.root,
			sequences: job.sequences,
			limit: job.limit,
			signal: job.signal,
			onSequence: job.onSequence,
			async *propagate({ framesFolder }, mask) {
				const masked = propagateKeyframes({
					frames: new RunFrames(await openClip(framesFolder), {}, false),
					keyframes: [{ frame: 0, mask }],
					objects: objectIds(mask),
					palette: mask.palette,
					...{ propagator, signal: job.signal, stores: nothingStored },
				});
				for await (const { frame, mask: carried } of masked) {
					yield { index: frame.index, ids: carried.ids };
				}
			},
		});
	} finally {
		await propagator.close();
		await engine.close();
	}
};
