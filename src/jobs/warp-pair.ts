import { requireFree, writeFileAtomically } from '../core/atomic-file.js';
import type { BackwardFlow } from '../core/backward-flow.js';
import { UserError } from '../core/errors.js';
import type { Raster } from '../core/frame.js';
import { referenceColours } from '../core/reference-colours.js';
import type { Size } from '../core/size.js';
import { type DescribedImage, describeImage } from '../matching/described-image.js';
import { requireDistinct } from '../media/distinct-files.js';
import { formatFlow, requireFlowName } from '../media/flow-file.js';
import { readImage, readImageWithAlpha, requireImageName, writeImage } from '../media/image.js';
import { isPairModel } from '../models/model-folder.js';
import { findAnyModel } from '../models/registry.js';
import { matchSmoothly } from '../pairs/match-field.js';
import type { WarpMode } from '../pairs/modes.js';
import { limitFlow, type PairMasks } from '../pairs/pair-masks.js';
import { matchEveryPixelAsPublished } from '../pairs/paper-flow.js';
import { blendOnto, blendOpacity, type Sampling, warpBackward } from '../pairs/warp-image.js';
import type { Runtime, RuntimeOptions } from '../runtime/session.js';
import { chosenModel, type ModelChoice, openEngine, withPairModel } from './open-engine.js';
import { type MaskPaths, readPairMasks } from './read-pair-masks.js';

export type WarpJob = RuntimeOptions &
	ModelChoice &
	MaskPaths & {
		readonly source: string;
		readonly target: string;
		/** Default: `smooth`. */
		readonly mode?: WarpMode | undefined;
		/** The warped image, of the target's size. */
		readonly output?: string | undefined;
		/** `.flo` or KITTI's 16-bit `.png`: from each target pixel to its source pixel. */
		readonly flow?: string | undefined;
		/** How far each match is to be trusted, as a grey picture. */
		readonly confidence?: string | undefined;
		/** Warp the reference colour map instead of the source. */
		readonly colormap?: boolean | undefined;
		/** The reference colour map itself, on the source: what the warped one is to be compared with. */
		readonly colormapSource?: string | undefined;
		/** Put the result on the target, with this opacity, 0..1. */
		readonly blend?: number | undefined;
		readonly overwrite?: boolean | undefined;
	};

export type WarpResult = {
	readonly outputs: readonly string[];
	/** Share of the target's pixels (inside its mask) that were matched. */
	readonly matched: number;
	readonly meanConfidence: number;
};

const matchers: Record<
	WarpMode,
	{
		readonly sampling: Sampling;
		readonly match: (
			source: DescribedImage,
			target: DescribedImage,
			runtime: Runtime,
			masks: PairMasks,
		) => Promise<BackwardFlow>;
	}
> = {
	smooth: { sampling: 'bilinear', match: matchSmoothly },
	paper: { sampling: 'nearest', match: matchEveryPixelAsPublished },
};

/** Share of the source that shows through its own reference colour map. */
const COLOURS_ON_SOURCE = 0.65;

/**
 * Warps one image's appearance into another's shape (paper, section 6.7) and writes what was asked for.
 *
 * @throws UserError for inputs that cannot be used and outputs that exist
 */
export const warpPair = async (job: WarpJob): Promise<WarpResult> => {
	const outputs = [job.output, job.flow, job.confidence, job.colormapSource].filter(
		(path) => path !== undefined,
	);
	if (outputs.length === 0) {
		throw new UserError('Nothing to write; give -o <image>, --flow <file> or both.');
	}
	await requireFree(outputs, job.overwrite);
	await requireDistinct(outputs, [job.source, job.target, job.sourceMask, job.targetMask]);
	for (const path of [job.output, job.confidence, job.colormapSource]) {
		requireImageName(path);
	}
	requireFlowName(job.flow);

	const [source, target] = [await readImage(job.source), await readImage(job.target)];
	const masks = await readPairMasks(job, source, target);
	const { sampling, match } = matchers[job.mode ?? 'smooth'];
	const flow = await flowBetween(job, source, target, masks, match);

	if (job.output !== undefined) {
		const layer = warpBackward(
			job.colormap ? referenceColours(sizeOf(source), masks.source) : await readImageWithAlpha(job.source),
			flow,
			sampling,
		);
		await writeImage(job.output, picture(layer, target, flow, masks, job.blend));
	}
	if (job.flow !== undefined) {
		await writeFileAtomically(job.flow, formatFlow(flow, job.flow));
	}
	if (job.confidence !== undefined) {
		const data = Uint8Array.from(flow.confidence, (value) => Math.round(255 * value));
		await writeImage(job.confidence, { ...sizeOf(target), channels: 1, data });
	}
	if (job.colormapSource !== undefined) {
		const opacity = new Float32Array(source.width * source.height).fill(COLOURS_ON_SOURCE);
		await writeImage(
			job.colormapSource,
			blendOnto(source, referenceColours(sizeOf(source), masks.source), opacity),
		);
	}
	return { outputs, ...summaryOf(flow, masks.target) };
};

const flowBetween = async (
	job: WarpJob,
	source: Raster<3>,
	target: Raster<3>,
	masks: PairMasks,
	match: (typeof matchers)[WarpMode]['match'],
): Promise<BackwardFlow> => {
	const { device, threads } = job;
	const { model, features } = await chosenModel(job);
	const installed = await findAnyModel(model);
	if (isPairModel(installed)) {
		return withPairModel(installed, job, async (pairModel) =>
			limitFlow(await pairModel.backwardFlow(source, target), source, masks),
		);
	}
	const engine = await openEngine(model, { device, threads, features });
	try {
		const described = [
			await describeImage(engine.extractor, source),
			await describeImage(engine.extractor, target),
		] as const;
		return await match(...described, engine.runtime, masks);
	} finally {
		await engine.close();
	}
};

const sizeOf = ({ width, height }: Size): Size => ({ width, height });

/** Without transparency unless something is transparent, so that a whole warp is an ordinary picture. */
const picture = (
	layer: Raster<4>,
	target: Raster<3>,
	flow: BackwardFlow,
	masks: PairMasks,
	blend: number | undefined,
): Raster => {
	if (blend !== undefined) {
		const opacity = blendOpacity(flow, masks.target).map((value) => value * blend);
		return blendOnto(target, layer, opacity);
	}
	const isOpaque = layer.data.every((value, i) => i % 4 !== 3 || value === 255);
	return isOpaque ? withoutAlpha(layer) : layer;
};

const withoutAlpha = ({ width, height, data }: Raster<4>): Raster<3> => ({
	width,
	height,
	channels: 3,
	data: data.filter((_, i) => i % 4 !== 3),
});

const summaryOf = (
	flow: BackwardFlow,
	mask: Uint8Array | undefined,
): Pick<WarpResult, 'matched' | 'meanConfidence'> => {
	let [wanted, matched, confidence] = [0, 0, 0];
	for (let pixel = 0; pixel < flow.confidence.length; pixel++) {
		if (mask?.[pixel] !== 0) {
			wanted++;
			matched += Number.isNaN(flow.positions[pixel * 2]) ? 0 : 1;
			confidence += flow.confidence[pixel]!;
		}
	}
	return { matched: matched / wanted, meanConfidence: confidence / wanted };
};
