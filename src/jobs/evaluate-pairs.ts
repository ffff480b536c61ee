import type { Baseline } from '../baselines/baseline.js';
import { classicalExtractor } from '../baselines/classical-descriptors.js';
import { UserError } from '../errors.js';
import { cubPairs } from '../evaluation/pairs/cub.js';
import { evaluateFlow, type FlowMethod, type FlowMethodScore } from '../evaluation/pairs/evaluate-flow.js';
import { evaluateKeypoints, type MethodScore } from '../evaluation/pairs/evaluate-keypoints.js';
import { type KeypointPair, spreadOver } from '../evaluation/pairs/keypoint-pair.js';
import { readPairList } from '../evaluation/pairs/pair-list.js';
import { pfPascalPairs } from '../evaluation/pairs/pf-pascal.js';
import { pfWillowPairs } from '../evaluation/pairs/pf-willow.js';
import { spairPairs } from '../evaluation/pairs/spair.js';
import { tssPairs } from '../evaluation/pairs/tss.js';
import type { DescriptorExtractor } from '../hyperfeatures/extractor.js';
import { describeImage } from '../pairs/described-image.js';
import { matchEveryPixelAsPublished } from '../pairs/paper-flow.js';
import { pointMatcher } from '../pairs/point-matcher.js';
import type { PointMode } from '../pairs/point-mode.js';
import { matchSmoothly } from '../pairs/smooth-flow.js';
import type { Runtime, RuntimeOptions } from '../runtime/session.js';
import { baselineMethods, extractorMethod } from './keypoint-methods.js';
import { type CachedEngine, openCachedEngine } from './open-cached-engine.js';

/** Sets of pairs with keypoints, and how each is read. */
const keypointDatasets = {
	spair: spairPairs,
	'pf-willow': pfWillowPairs,
	'pf-pascal': pfPascalPairs,
	cub: cubPairs,
} as const;
export type KeypointDataset = keyof typeof keypointDatasets;

export type PairEvaluationJob = RuntimeOptions & {
	readonly root: string;
	readonly model?: string | undefined;
	/** How points are found. A flow is matched smoothly or as in the paper; on its own (`nearest`) means the paper's way. */
	readonly mode: PointMode;
	/** What else is measured on the same pairs. For flow there are classical descriptors only. */
	readonly baselines?: readonly Baseline[] | undefined;
	/** At most so many pairs, spread over the set. */
	readonly limit?: number | undefined;
	readonly signal?: AbortSignal | undefined;
	readonly onPair?: ((done: number, total: number) => void) | undefined;
};

export type KeypointEvaluationJob = PairEvaluationJob & {
	readonly dataset: KeypointDataset;
	/** A list of pairs in the paper's format, to be used instead of the set's own. */
	readonly pairs?: string | undefined;
};

/** The pairs of a set, or of a list of one's own. */
export const keypointPairs = async (
	dataset: KeypointDataset,
	root: string,
	list: string | undefined,
	limit: number | undefined,
): Promise<KeypointPair[]> =>
	spreadOver(
		list === undefined ? await keypointDatasets[dataset](root) : await readPairList(list, root),
		limit,
	);

/**
 * PCK of a model on a set of pairs with keypoints.
 *
 * @throws UserError when the folder does not hold the set
 */
export const evaluateKeypointPairs = async (job: KeypointEvaluationJob): Promise<MethodScore[]> => {
	const pairs = await keypointPairs(job.dataset, job.root, job.pairs, job.limit);
	return withEngine(job, async (engine) => {
		const { manifest } = engine.model;
		const find = pointMatcher(job.mode, engine.runtime, manifest.image);
		const baselines = await baselineMethods(job.baselines ?? [], engine.model, engine.runtime, find);
		return evaluateKeypoints({
			pairs,
			methods: [extractorMethod(manifest.name, engine.extractor, find), ...baselines],
			signal: job.signal,
			onPair: job.onPair,
		});
	});
};

/**
 * Flow accuracy of a model on TSS.
 *
 * @throws UserError when the folder does not hold the set
 */
export const evaluateFlowPairs = async (job: PairEvaluationJob): Promise<FlowMethodScore[]> => {
	const pairs = spreadOver(await tssPairs(job.root), job.limit);
	return withEngine(job, (engine) => {
		const method = (name: string, extractor: DescriptorExtractor): FlowMethod =>
			flowMethod(name, extractor, engine.runtime, job.mode);
		return evaluateFlow({
			pairs,
			methods: [
				method(engine.modelName, engine.extractor),
				...(job.baselines?.includes('classical')
					? [method('classical descriptors', classicalExtractor())]
					: []),
			],
			signal: job.signal,
			onPair: job.onPair,
		});
	});
};

const flowMethod = (
	name: string,
	extractor: DescriptorExtractor,
	runtime: Runtime,
	mode: PointMode,
): FlowMethod => ({
	name,
	match: async (source, target) => {
		const described = [
			await describeImage(extractor, source),
			await describeImage(extractor, target),
		] as const;
		return mode === 'smooth'
			? matchSmoothly(...described, runtime)
			: matchEveryPixelAsPublished(...described, runtime);
	},
});

const withEngine = async <Result>(
	{ model, device, threads }: PairEvaluationJob,
	use: (engine: CachedEngine) => Promise<Result>,
): Promise<Result> => {
	const engine = await openCachedEngine(model, { device, threads });
	try {
		return await use(engine);
	} finally {
		await engine.close();
	}
};

const isKeypointDataset = (name: string): name is KeypointDataset => Object.hasOwn(keypointDatasets, name);

/** @throws UserError that names the sets there are */
export const requirePairDataset = (name: string): KeypointDataset | 'tss' => {
	if (name !== 'tss' && !isKeypointDataset(name)) {
		throw new UserError(
			`There is no data set "${name}"; there are davis, ${Object.keys(keypointDatasets).join(', ')} and tss.`,
		);
	}
	return name;
};
