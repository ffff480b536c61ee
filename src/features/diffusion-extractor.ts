import type { DescriptorExtractor } from '../core/descriptor-map.js';
import type { Manifest } from '../models/manifest.js';
import type { InstalledModel } from '../models/model-folder.js';
import type { Runtime } from '../runtime/session.js';
import { type Inversion, openInversion } from './inversion.js';
import { mapCollector } from './map-collector.js';
import { descriptorGrid } from './preprocess.js';
import {
	type FeaturePlan,
	type FeatureRecipe,
	type Precision,
	planFeatures,
	usesLayers,
	wholeModel,
} from './recipe.js';
import { inversionCalls } from './schedule.js';

type ExtractorOptions = {
	/** Which of the maps to use, and how; all of them, as trained, when omitted. */
	readonly recipe?: FeatureRecipe | undefined;
	/** Whether a CPU may run the model's 8-bit graph. */
	readonly precision?: Precision | undefined;
};

/** An extractor whose model is loaded with the first image, or before. */
type ModelExtractor = DescriptorExtractor & {
	/** Loads the model, if that has not been done. @throws for what is wrong with its files, or a device that can't be used */
	load(): Promise<void>;
};

/**
 * Extracts diffusion hyperfeatures of real images (paper, section 3): the image is inverted with DDIM, and at
 * the saved steps the network's decoder features, aggregated in the graph, are added to the one descriptor map.
 * The calls stop after the last saved step. A backbone that is no diffusion model is a process of one call.
 *
 * @throws UserError when the model does not have what the recipe names
 */
export const openExtractor = (
	model: InstalledModel,
	runtime: Runtime,
	{ recipe = wholeModel, precision = 'full' }: ExtractorOptions = {},
): ModelExtractor => {
	const layers = usesLayers(model.manifest, recipe);
	const planned = planFeatures(model.manifest, inversionCalls(model.manifest.schedule), recipe);
	// The 8-bit graph gives the sum of a single call with the weights as trained, not the layers and no other sum.
	const isTrainedSum =
		!layers && recipe.maps === 'all' && recipe.layers === undefined && recipe.steps === undefined;
	const fastGraph =
		precision === 'fast' && planned.calls.length === 1 && isTrainedSum ? model.manifest.fastGraph : undefined;
	let opening: Promise<DescriptorExtractor> | undefined;
	const opened = (): Promise<DescriptorExtractor> => {
		opening ??= openInversion(model, runtime, { layers, fastGraph }).then((inversion) =>
			plannedExtractor(inversion, planned, recipe.loadSide),
		);
		return opening;
	};
	return {
		channels: channelsOf(model.manifest, planned),
		extract: async (image) => (await opened()).extract(image),
		load: async () => {
			await opened();
		},
		close: async () => {
			// Its error has been thrown by what needed it.
			await (await opening?.catch(() => undefined))?.close();
		},
	};
};

/** Descriptors by a recipe from a network that is open already; closing it closes the network. */
export const recipeExtractor = (inversion: Inversion, recipe: FeatureRecipe): DescriptorExtractor => {
	const { manifest } = inversion;
	const plan = planFeatures(manifest, inversionCalls(manifest.schedule), recipe);
	return plannedExtractor(inversion, plan, recipe.loadSide);
};

const plannedExtractor = (
	inversion: Inversion,
	plan: FeaturePlan,
	loadSide: number | undefined,
): DescriptorExtractor => {
	const { manifest } = inversion;
	return {
		channels: channelsOf(manifest, plan),
		extract: async (image) => {
			const collector = mapCollector(manifest, plan, descriptorGrid(image, manifest));
			await inversion.follow(image, plan.calls, collector, loadSide);
			return collector.finish();
		},
		close: () => inversion.close(),
	};
};

const channelsOf = ({ descriptor, taps }: Manifest, { concatenated }: FeaturePlan): number =>
	concatenated.length === 0
		? descriptor.channels
		: concatenated.reduce((sum, { layer }) => sum + (taps[layer]?.channels ?? 0), 0);
