import type { DescriptorExtractor } from '../core/descriptor-map.js';
import { UserError } from '../core/errors.js';
import type { Baseline } from '../evaluation/baseline.js';
import { classicalExtractor } from '../evaluation/classical-descriptors.js';
import { cubPairs } from '../evaluation/pairs/cub.js';
import { evaluateFlow, type FlowMethod, type FlowMethodScore } from '../evaluation/pairs/evaluate-flow.js';
import { evaluateKeypoints, type MethodScore } from '../evaluation/pairs/evaluate-keypoints.js';
import { type KeypointPair, spreadOver } from '../evaluation/pairs/keypoint-pair.js';
import { readPairList } from '../evaluation/pairs/pair-list.js';
import { pfPascalPairs } from '../evaluation/pairs/pf-pascal.js';
import { pfWillowPairs } from '../evaluation/pairs/pf-willow.js';
import { spairPairs } from '../evaluation/pairs/spair.js';
import { tssPairs } from '../evaluation/pairs/tss.js';
import { describeImage } from '../matching/described-image.js';
import { type InstalledModel, type InstalledPairModel, isPairModel } from '../models/model-folder.js';
import { findAnyModel } from '../models/registry.js';
import { matchSmoothly } from '../pairs/match-field.js';
import type { PointMode } from '../pairs/modes.js';
import { type PairModel, pairInput } from '../pairs/pair-model.js';
import { matchEveryPixelAsPublished } from '../pairs/paper-flow.js';
import { pointMatcher } from '../pairs/point-matcher.js';
import type { Runtime, RuntimeOptions } from '../runtime/session.js';
import { baselineMethods, extractorMethod, pairModelMethod } from './keypoint-methods.js';
import { chosenModel, type ModelChoice, openStoredEngine, withPairModel } from './open-engine.js';

/** Sets of pairs with keypoints, and how each is read. */
const keypointDatasets = {
	spair: spairPairs,
	'pf-willow': pfWillowPairs,
	'pf-pascal': pfPascalPairs,
	cub: cubPairs,
} as const;
export type KeypointDataset = keyof typeof keypointDatasets;

type PairEvaluationJob = RuntimeOptions &
	ModelChoice & {
		readonly root: string;
		/** How points are found. A flow is matched smoothly or as in the paper; on its own (`nearest`) means the paper's way. */
		readonly mode: PointMode;
		/** What else is measured on the same pairs. For flow there are classical descriptors only. */
		readonly baselines?: readonly Baseline[] | undefined;
		/** At most so many pairs, spread over the set. */
		readonly limit?: number | undefined;
		readonly signal?: AbortSignal | undefined;
		readonly onPair?: ((done: number, total: number) => void) | undefined;
	};

type KeypointEvaluationJob = PairEvaluationJob & {
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
	const { signal, onPair } = job;
	return withModel(job, async ({ installed, runtime, ...opened }) => {
		const { name } = installed.manifest;
		const image = isPairModel(installed) ? pairInput(installed) : installed.manifest.image;
		const find = pointMatcher(job.mode, runtime, image);
		const own =
			opened.pairModel === undefined
				? extractorMethod(name, opened.extractor, find)
				: pairModelMethod(name, opened.pairModel);
		const baselines = await baselineMethods(job.baselines ?? [], installed, runtime, find);
		return evaluateKeypoints({ pairs, methods: [own, ...baselines], signal, onPair });
	});
};

/**
 * Flow accuracy of a model on TSS.
 *
 * @throws UserError when the folder does not hold the set
 */
export const evaluateFlowPairs = async (job: PairEvaluationJob): Promise<FlowMethodScore[]> => {
	const pairs = spreadOver(await tssPairs(job.root), job.limit);
	const { signal, onPair } = job;
	return withModel(job, ({ installed, runtime, ...opened }) => {
		const { name } = installed.manifest;
		const own: FlowMethod =
			opened.pairModel === undefined
				? flowMethod(name, opened.extractor, runtime, job.mode)
				: { name, match: opened.pairModel.backwardFlow };
		const baselines = job.baselines?.includes('classical')
			? [flowMethod('classical descriptors', classicalExtractor(), runtime, job.mode)]
			: [];
		return evaluateFlow({ pairs, methods: [own, ...baselines], signal, onPair });
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

/** A model that is open: one with descriptors, or one that matches by itself. */
type OpenedModel = {
	readonly installed: InstalledModel | InstalledPairModel;
	readonly runtime: Runtime;
} & (
	| { readonly pairModel: PairModel }
	| { readonly pairModel?: undefined; readonly extractor: DescriptorExtractor }
);

const withModel = async <Result>(
	job: PairEvaluationJob,
	use: (opened: OpenedModel) => Promise<Result>,
): Promise<Result> => {
	const { device, threads } = job;
	const { model, features } = await chosenModel(job);
	const installed = await findAnyModel(model);
	if (isPairModel(installed)) {
		return withPairModel(installed, job, (pairModel, runtime) => use({ installed, runtime, pairModel }));
	}
	const engine = await openStoredEngine(model, { device, threads, features });
	try {
		const { runtime, extractor } = engine;
		return await use({ installed, runtime, extractor });
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
