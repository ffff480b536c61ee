import { type DavisScore, evaluateDavis, type SequenceScore } from '../evaluation/evaluate-davis.js';
import { openClip } from '../media/clip.js';
import { loadPreset } from '../presets/load-preset.js';
import { type Quality, withQuality } from '../presets/quality.js';
import { propagateMasks } from '../propagation/propagate-masks.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { openEngine } from './open-engine.js';

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
	try {
		return await evaluateDavis({
			root: job.root,
			sequences: job.sequences,
			limit: job.limit,
			signal: job.signal,
			onSequence: job.onSequence,
			async *propagate({ framesFolder }, mask) {
				const frames = (await openClip(framesFolder)).frames({ signal: job.signal });
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
		await engine.close();
	}
};
