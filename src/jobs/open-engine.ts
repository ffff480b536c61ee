import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DescriptorExtractor } from '../core/descriptor-map.js';
import type { Quality } from '../core/quality.js';
import { openExtractor } from '../features/diffusion-extractor.js';
import type { FeatureRecipe, Precision } from '../features/recipe.js';
import { LabelPropagator } from '../masks/labels/label-propagator.js';
import type { Propagator } from '../masks/propagator.js';
import { MaskTracker } from '../masks/tracker/mask-tracker.js';
import type { InstalledModel, InstalledPairModel } from '../models/model-folder.js';
import { findModel } from '../models/registry.js';
import { openPairModel, type PairModel } from '../pairs/pair-model.js';
import { loadPreset, type Preset } from '../presets/preset.js';
import { openRuntime } from '../runtime/onnx-runtime.js';
import type { Runtime, RuntimeOptions } from '../runtime/session.js';
import {
	type DescriptorStoreOptions,
	descriptorIdentity,
	type StoredExtractor,
	storedExtractor,
} from '../store/descriptor-store.js';

/** A model, ready on a device. */
export type Engine = {
	readonly modelName: string;
	readonly model: InstalledModel;
	/** Equal where descriptors are: of the model's files, and of the graph that is run. */
	readonly identity: string;
	readonly runtime: Runtime;
	readonly extractor: DescriptorExtractor;
	close(): Promise<void>;
};

type EngineOptions = RuntimeOptions & {
	readonly precision?: Precision | undefined;
	/** Which of the model's maps to use; see {@link FeatureRecipe}. */
	readonly features?: FeatureRecipe | undefined;
	/** Loads the model with the first image that is described, where the device is known before. */
	readonly whenNeeded?: boolean | undefined;
};

/**
 * Loads a model by name or folder (the bundled one when undefined) and starts the runtime for it.
 *
 * @throws UserError for an unknown model or a device that can't be used
 */
export const openEngine = async (model: string | undefined, options: EngineOptions): Promise<Engine> => {
	const installed = await findModel(model);
	const runtime = openRuntime(options);
	const { features: recipe, precision } = options;
	try {
		const extractor = openExtractor(installed, runtime, { recipe, precision });
		if (options.whenNeeded !== true || !(await runtime.decideDevice())) {
			await extractor.load();
		}
		return {
			modelName: installed.manifest.name,
			model: installed,
			identity: descriptorIdentity(installed.manifest, precision, recipe),
			runtime,
			extractor,
			close: () => runtime.close(),
		};
	} catch (error) {
		await runtime.close();
		throw error;
	}
};

/** What one run leaves of descriptors at most: the frames of a longer clip would only push each other out. */
export const MOST_DESCRIPTOR_BYTES = 3 * 2 ** 30;

/** An engine whose descriptors are kept on disk for later runs. */
export type StoredEngine = Engine & { readonly extractor: StoredExtractor };

/** As {@link openEngine}, with the store under `PROPAGATE_HOME` in front of the model. */
export const openStoredEngine = async (
	model: string | undefined,
	options: EngineOptions,
	store?: DescriptorStoreOptions,
): Promise<StoredEngine> => {
	const engine = await openEngine(model, options);
	return { ...engine, extractor: await storedExtractor(engine.extractor, engine.identity, store) };
};

/**
 * What carries masks in a run: the mask tracker, or label propagation where the preset does without. A model that brings no tracker (in its
 * folder `tracker`) describes frames beside the bundled one, which then matches by those descriptors.
 */
export const openPropagator = async (
	{ extractor, identity, model, runtime }: Engine,
	{ decoder, propagation }: Pick<Preset, 'decoder' | 'propagation'>,
	options: RuntimeOptions & { readonly quality?: Quality | undefined },
): Promise<Propagator> => {
	if (!decoder) {
		return new LabelPropagator(extractor, runtime, propagation);
	}
	const own = join(model.folder, 'tracker');
	return existsSync(own)
		? MaskTracker.open({ ...options, folder: own })
		: MaskTracker.open({ ...options, descriptors: { extractor, identity } });
};

export type ModelChoice = {
	/** Name or folder; wins over the preset's. */
	readonly model?: string | undefined;
	/** Preset whose model and recipe of features are used. */
	readonly preset?: string | undefined;
};

/**
 * The model that a job of images asks for, and which of its maps.
 *
 * @throws UserError when there is no such preset
 */
export const chosenModel = async ({
	model,
	preset,
}: ModelChoice): Promise<{
	readonly model: string | undefined;
	readonly features: FeatureRecipe | undefined;
}> => {
	const loaded = await loadPreset(preset);
	return { model: model ?? loaded.model, features: loaded.features };
};

/** Opens a model that matches two images by itself for as long as it is used. */
export const withPairModel = async <Result>(
	installed: InstalledPairModel,
	{ device, threads }: RuntimeOptions,
	use: (model: PairModel, runtime: Runtime) => Promise<Result>,
): Promise<Result> => {
	const runtime = openRuntime({ device, threads });
	try {
		return await use(await openPairModel(installed, runtime), runtime);
	} finally {
		await runtime.close();
	}
};
