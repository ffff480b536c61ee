import { inversionCalls } from '../diffusion/timesteps.js';
import type { Manifest } from '../models/manifest.js';
import type { InstalledModel } from '../models/model-folder.js';
import type { Runtime } from '../runtime/session.js';
import { descriptorGrid } from './descriptor-grid.js';
import type { DescriptorExtractor } from './extractor.js';
import { type Inversion, openInversion } from './inversion.js';
import { mapCollector } from './map-collector.js';
import type { Precision } from './precision.js';
import { type FeaturePlan, type FeatureRecipe, planFeatures, usesLayers, wholeModel } from './recipe.js';

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
	const plan = planFeatures(model.manifest, inversionCalls(model.manifest.schedule), recipe);
	// The 8-bit graph gives the sum of a single call, not the layers.
	const fastGraph =
		precision === 'fast' && plan.calls.length === 1 && !layers ? model.manifest.fastGraph : undefined;
	const open = async (): Promise<DescriptorExtractor> =>
		recipeExtractor(await openInversion(model, runtime, { layers, fastGraph }), recipe);
	return whenNeeded ? openedWhenNeeded(channelsOf(model.manifest, plan), open) : open();
};

/** Opens the network with the first image. */
const openedWhenNeeded = (
	channels: number,
	open: () => Promise<DescriptorExtractor>,
): DescriptorExtractor => {
	let opened: Promise<DescriptorExtractor> | undefined;
	return {
		channels,
		extract: async (image) => {
			opened ??= open();
			return (await opened).extract(image);
		},
		close: async () => {
			// If it could not be opened, `extract` has said so.
			await (await opened?.catch(() => undefined))?.close();
		},
	};
};

const channelsOf = (manifest: Manifest, { concatenated }: FeaturePlan): number =>
	concatenated.length === 0
		? manifest.descriptor.channels
		: concatenated.reduce((sum, { layer }) => sum + (manifest.taps[layer]?.channels ?? 0), 0);

/** Descriptors by a recipe from a network that is open already; closing it closes the network. */
export const recipeExtractor = (inversion: Inversion, recipe: FeatureRecipe): DescriptorExtractor => {
	const { manifest } = inversion;
	const plan = planFeatures(manifest, inversionCalls(manifest.schedule), recipe);
	return {
		channels: channelsOf(manifest, plan),
		extract: async (image) => {
			const collector = mapCollector(manifest, plan, descriptorGrid(image, manifest));
			await inversion.follow(image, plan.calls, collector, recipe.loadSide);
			return collector.finish();
		},
		close: () => inversion.close(),
	};
};
