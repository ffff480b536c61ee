import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { modelIdentity } from '../hyperfeatures/descriptor-cache.js';
import type { DescriptorExtractor } from '../hyperfeatures/extractor.js';
import { openExtractor } from '../hyperfeatures/open-extractor.js';
import type { Precision } from '../hyperfeatures/precision.js';
import type { FeatureRecipe } from '../hyperfeatures/recipe.js';
import { MaskTracker } from '../masks/mask-tracker.js';
import type { Propagator } from '../masks/propagator.js';
import type { InstalledModel } from '../models/model-folder.js';
import { findModel } from '../models/registry.js';
import type { Preset } from '../presets/preset.js';
import type { Quality } from '../presets/quality.js';
import { LabelPropagator } from '../propagation/label-propagator.js';
import { openRuntime } from '../runtime/onnx-runtime.js';
import type { Runtime, RuntimeOptions } from '../runtime/session.js';

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

export type EngineOptions = RuntimeOptions & {
	readonly precision?: Precision | undefined;
	/** Which of the model's maps to use; see {@link FeatureRecipe}. */
	readonly features?: FeatureRecipe | undefined;
	/** Loads the model with the first image that is not in the cache, where the device is known before. */
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
	try {
		const chosen = { recipe: options.features, precision: options.precision };
		const whenNeeded = options.whenNeeded === true && (await runtime.decideDevice());
		const extractor = await openExtractor(installed, runtime, { ...chosen, whenNeeded });
		return {
			modelName: installed.manifest.name,
			model: installed,
			identity: modelIdentity(installed.manifest, chosen),
			runtime,
			extractor,
			close: () => runtime.close(),
		};
	} catch (error) {
		await runtime.close();
		throw error;
	}
};

/**
 * What carries masks in a run: the mask tracker, or label propagation where the preset does without. A model that brings no tracker (in its
 * folder `tracker`) describes frames beside the bundled one, which then matches by those descriptors.
 *
 * @param extractor the engine's, with what earlier runs have left
 */
export const openPropagator = async (
	engine: Engine,
	extractor: DescriptorExtractor,
	{ decoder, propagation }: Pick<Preset, 'decoder' | 'propagation'>,
	options: RuntimeOptions & { readonly quality?: Quality | undefined },
): Promise<Propagator> => {
	if (!decoder) {
		return new LabelPropagator(extractor, engine.runtime, propagation);
	}
	const own = join(engine.model.folder, 'tracker');
	return existsSync(own)
		? MaskTracker.open({ ...options, folder: own })
		: MaskTracker.open({ ...options, descriptors: { extractor, identity: engine.identity } });
};
