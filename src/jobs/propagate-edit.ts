import { createHash } from 'node:crypto';
import { framesBetween, type RunRange } from '../corrections/frame-range.js';
import { readKeyframes } from '../corrections/read-keyframes.js';
import { carryEdit } from '../edits/carry-edit.js';
import { type EditLayer, readEdit } from '../edits/edit-layer.js';
import type { EditMode } from '../edits/mesh-tracker.js';
import { AbortedError, throwIfAborted, UserError } from '../errors.js';
import { rememberingExtractor } from '../hyperfeatures/remembering-extractor.js';
import { type Clip, openClip } from '../media/clip.js';
import { davisPalette } from '../media/davis-palette.js';
import { requireDistinct } from '../media/distinct-files.js';
import type { Frame, LabelMap } from '../media/frame.js';
import { referenceColours } from '../pairs/reference-colours.js';
import { StageClock } from '../propagation/stage-clock.js';
import { fingerprint } from '../store/run-identity.js';
import { ScratchFolder } from '../store/scratch-folder.js';
import { resolveEditOutputs } from './edit-outputs.js';
import { frameExtractor } from './frame-extractor.js';
import { maskFrames, requireFramesOfRun } from './mask-frames.js';
import { type Engine, openEngine, openPropagator } from './open-engine.js';
import {
	cancelled,
	existingFor,
	firstFrame,
	identityOf,
	inputsOf,
	type PropagateClipJob,
	type PropagateClipResult,
	readSettings,
	tellInput,
} from './propagate-clip.js';
import { RunOutputs } from './run-outputs.js';
import { settleNumbers } from './source-numbers.js';

export type PropagateEditJob = PropagateClipJob & {
	/** The edited first frame, or a layer of its size; undefined with `colourMap`. */
	readonly edit?: string | undefined;
	/** Carry a map of colours instead, which shows where everything comes from. */
	readonly colourMap?: boolean | undefined;
	/** Default: `dense`. */
	readonly mode?: EditMode | undefined;
	readonly relight: boolean;
	readonly linearLight: boolean;
};

type EditItem = {
	readonly frame: Frame;
	readonly mask: LabelMap | undefined;
	readonly computed: boolean;
};

/**
 * Carries an edit of a clip's first frame through all of it and writes the results: what `propagate <clip> --edit <png>`
 * does. With masks, the edit goes with the object that it lies on, and behind what hides that.
 *
 * @throws UserError for bad input; nothing has been written then
 * @throws AbortedError when the signal fires
 */
export const propagateEdit = async (job: PropagateEditJob): Promise<PropagateClipResult> => {
	const started = performance.now();
	const { signal } = job;
	const { range: asked, review, preset } = await readSettings(job);
	const clip = await openClip(job.input, { ffmpeg: job.ffmpeg, signal, frameRate: job.fps });
	const { range, masks } = settleNumbers(clip, asked, job.masks);
	const keyframes = await readKeyframes(masks, clip.info, job.maskType);
	const first = await firstFrame(clip, range);
	const layer = await layerOf(job, first, keyframes.keyframes.find(({ frame }) => frame === 0)?.mask);
	if (job.masks.length > 0) {
		await requireFramesOfRun(clip, range, masks);
	}
	const places = await resolveEditOutputs(clip, job.outputs, job.format, job.masks.length > 0);
	await requireDistinct([...places.map(({ path }) => path), job.review], [...inputsOf(job, clip), job.edit]);

	const opened = await openEngine(job.model ?? preset.model, {
		...job,
		precision: preset.precision,
		features: preset.features,
	});
	const engine: Engine = { ...opened, extractor: rememberingExtractor(opened.extractor) };
	const cache = job.cache !== false;
	const extractor = await frameExtractor(engine, cache);
	const propagator =
		job.masks.length === 0 ? undefined : await openPropagator(engine, extractor, preset, job);
	const edit = editFingerprint(job, layer);
	const identity = await identityOf(job, clip, range, keyframes, engine, propagator?.identity ?? '', edit);
	const clock = new StageClock();
	const scratch = await ScratchFolder.open();
	let outputs: RunOutputs | undefined;
	let count = 0;
	try {
		outputs = await RunOutputs.open({
			...{ clip, range, signal, review, identity, outputs: places, ffmpeg: job.ffmpeg },
			existing: existingFor(job),
			objects: keyframes.objects,
			firstFrame: first,
			premultiplied: job.premultiplied,
			onNote: job.onNote,
		});
		tellInput(job, clip, keyframes);
		const { isComplete } = outputs;
		const items =
			propagator === undefined
				? unmasked(clip, range)
				: maskFrames({
						...{ clip, range, identity, keyframes, propagator, clock, signal, cache },
						scratchFolder: outputs.scratchFolder ?? scratch.path,
					});
		const total = range.start || range.end ? undefined : clip.info.estimatedFrames;
		const { mode = 'dense', relight, linearLight } = job;
		let [computedFrames, trustSum] = [0, 0];
		const carried = carryEdit<EditItem>(items, { layer, mode, relight, linearLight, extractor });
		for await (const { item, edited, trust } of isComplete ? [] : carried) {
			throwIfAborted(signal);
			const { frame } = item;
			const labels = item.mask ?? nothingMarked(frame);
			await clock.measure('encode', () => outputs?.write({ frame, labels, edited }));
			count++;
			computedFrames += item.computed ? 1 : 0;
			trustSum += trust;
			if (frame.index > 0) {
				review?.add({ frame: { ...frame, image: edited }, labels, confidence: trust });
			}
			job.onFrame?.({ frame: frame.index, total, timeSeconds: frame.timeSeconds, confidence: trust });
		}
		await outputs.finish();
		count = isComplete ? outputs.keptFrames : count;
		const seconds = (performance.now() - started) / 1000;
		return {
			frames: count,
			resumedFrames: Math.min(count, outputs.keptFrames),
			computedFrames,
			objects: keyframes.objects.length,
			outputs: outputs.paths,
			model: engine.modelName,
			preset: preset.name,
			seconds,
			framesPerSecond: count / seconds,
			stages: clock.totals,
			meanConfidence: isComplete ? undefined : trustSum / count,
		};
	} catch (error) {
		await outputs?.abort();
		throw error instanceof AbortedError && outputs ? cancelled(outputs) : error;
	} finally {
		await propagator?.close();
		await engine.close();
		await scratch.remove();
	}
};

/** Without masks, the edit moves with whatever it lies on. */
async function* unmasked(clip: Clip, range: RunRange): AsyncGenerator<EditItem, void, void> {
	for await (const frame of framesBetween(clip, range, 0)) {
		yield { frame, mask: undefined, computed: true };
	}
}

const editFingerprint = (
	{ mode = 'dense', relight, linearLight }: PropagateEditJob,
	layer: EditLayer,
): string => fingerprint([mode, relight, linearLight, createHash('sha256').update(layer.data).digest('hex')]);

const layerOf = async (
	job: PropagateEditJob,
	{ image }: Frame,
	mask: LabelMap | undefined,
): Promise<EditLayer> => {
	if (job.edit !== undefined) {
		if (job.colourMap === true) {
			throw new UserError('--edit and --colormap carry different things; give one of them.');
		}
		return readEdit(job.edit, image);
	}
	return referenceColours(
		image,
		mask?.ids.map((id) => (id > 0 ? 1 : 0)),
	);
};

const nothingMarked = ({ image: { width, height } }: Frame): LabelMap => ({
	width,
	height,
	ids: new Uint8Array(width * height),
	palette: davisPalette,
});
