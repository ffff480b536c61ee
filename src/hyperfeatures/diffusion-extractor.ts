import { inversionCalls } from '../diffusion/timesteps.js';
import type { InstalledModel } from '../models/model-folder.js';
import type { Runtime } from '../runtime/session.js';
import { descriptorGrid } from './descriptor-grid.js';
import type { DescriptorExtractor } from './extractor.js';
import { type Inversion, openInversion } from './inversion.js';
import { mapCollector } from './map-collector.js';
import type { Precision } from './precision.js';
import { type FeatureRecipe, planFeatures, usesLayers, wholeModel } from './recipe.js';

export type ExtractorOptions = {
	/** Which of the maps to use, and how; all of them, as trained, when omitted. */
	readonly recipe?: FeatureRecipe | undefined;
	/** Whether a CPU may run the model's 8-bit graph. */
	readonly precision?: Precision | undefined;
	/**
	 * Loads the graphs with the first image instead of at once: a run that finds all descriptors in the cache
	 * does without them. What is wrong with the model's files is then thrown by `extract`.
	 */
	readonly whenNeeded?: boolean | undefined;
};

/**
 * Extracts diffusion hyperfeatures of real images (paper, section 3): the image is inverted with DDIM, and at
 * the saved steps the network's decoder features, aggregated in the graph, are added to the one descriptor map.
 * The calls stop after the last saved step. A backbone that is no diffusion model is a process of one call.
 *
 * @throws UserError when the model does not have what the recipe names
 */
export const openDiffusionExtractor = async (
	model: InstalledModel,
	runtime: Runtime,
	{ recipe = wholeModel, precision = 'full', whenNeeded = false }: ExtractorOptions = {},
): Promise<DescriptorExtractor> => {
	const layers = usesLayers(model.manifest, recipe);
	const { calls } = planFeatures(model.manifest, inversionCalls(model.manifest.schedule), recipe);
	// The 8-bit graph gives the sum of a single call with the weights as trained, not the layers and no other sum.
	const isTrainedSum =
		!layers && recipe.maps === 'all' && recipe.layers === undefined && recipe.steps === undefined;
	const fastGraph =
		precision === 'fast' && calls.length === 1 && isTrainedSum ? model.manifest.fastGraph : undefined;
	const open = (): Promise<Inversion> => openInversion(model, runtime, { layers, fastGraph });
	return recipeExtractor(whenNeeded ? openedWhenNeeded(model.manifest, open) : await open(), recipe);
};

/** A network that is opened, once, by the first image. */
const openedWhenNeeded = (manifest: Inversion['manifest'], open: () => Promise<Inversion>): Inversion => {
	let opening: Promise<Inversion> | undefined;
	const opened = (): Promise<Inversion> => {
		opening ??= open();
		return opening;
	};
	return {
		manifest,
		follow: async (...image) => (await opened()).follow(...image),
		prepare: () => {
			opened().catch(() => {}); // Its error is thrown by `follow`.
		},
		close: async () => {
			const inversion = await opening?.catch(() => undefined); // Its error has been thrown by `follow`.
			await inversion?.close();
		},
	};
};

/** Descriptors by a recipe from a network that is open already; closing it closes the network. */
export const recipeExtractor = (inversion: Inversion, recipe: FeatureRecipe): DescriptorExtractor => {
	const { manifest } = inversion;
	const plan = planFeatures(manifest, inversionCalls(manifest.schedule), recipe);
	return {
		channels:
			plan.concatenated.length === 0
				? manifest.descriptor.channels
				: plan.concatenated.reduce((sum, { layer }) => sum + (manifest.taps[layer]?.channels ?? 0), 0),
		extract: async (image) => {
			const collector = mapCollector(manifest, plan, descriptorGrid(image, manifest));
			await inversion.follow(image, plan.calls, collector, recipe.loadSide);
			return collector.finish();
		},
		prepare: async () => inversion.prepare?.(),
		close: () => inversion.close(),
	};
};
