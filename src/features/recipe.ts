import { z } from 'zod';
import { UserError } from '../core/errors.js';
import type { Manifest } from '../models/manifest.js';
import type { ScheduleCall } from './schedule.js';

/**
 * Which of a model's maps make up the descriptor, as data: with it one imported model stands for several rows of the
 * paper's tables. The empty recipe is the model as it was trained.
 */
export const featureRecipeSchema = z.strictObject({
	/** Images are first shrunk to this square side, then enlarged to the model's input, as the paper's evaluation does. */
	loadSide: z.int().positive().max(8192).optional(),
	/** Calls of the network after which the process stops, with the same weights (paper, table 2: 1, 5 and 10). */
	stopAfter: z.int().positive().optional(),
	/** `best`: the one map (a layer at a step) with the greatest mixing weight. */
	maps: z.enum(['all', 'best']).default('all'),
	/** Layers to use, counted from 1 as in the paper; all when left out. */
	layers: z.array(z.int().positive()).min(1).optional(),
	/** Saved steps to use, counted as in generation; all when left out. */
	steps: z.array(z.int().nonnegative()).min(1).optional(),
	/** `network`: the aggregation network's weighted sum. `concatenation`: the maps themselves, one after the other. */
	aggregation: z.enum(['network', 'concatenation']).default('network'),
});

export type FeatureRecipe = z.infer<typeof featureRecipeSchema>;

/** The model as it was trained. */
export const wholeModel: FeatureRecipe = { maps: 'all', aggregation: 'network' };

/** A layer's map at a saved step. */
export type MapChoice = { readonly saveKey: number; readonly layer: number };

/** What to run and what to keep of it. */
export type FeaturePlan = {
	/** The calls to make, up to the last that contributes. */
	readonly calls: readonly ScheduleCall[];
	/** Weights of the layers in the sum, at each step that contributes: save key -> [L]. Empty for concatenation. */
	readonly layerWeights: ReadonlyMap<number, readonly number[]>;
	/** The maps to concatenate, in order; empty for the network's sum. */
	readonly concatenated: readonly MapChoice[];
};

/**
 * Works out the calls and weights of a recipe.
 *
 * @param allCalls the model's whole process, in order
 * @throws UserError when the model does not have what the recipe names
 */
export const planFeatures = (
	manifest: Manifest,
	allCalls: readonly ScheduleCall[],
	recipe: FeatureRecipe,
): FeaturePlan => {
	const calls = allCalls.slice(0, recipe.stopAfter);
	const reached = new Set(calls.map((call) => call.saveKey));
	const candidates = mapsOf(manifest).filter(
		({ saveKey, layer, weight }) =>
			// Maps whose weight is zero contribute nothing, and calls that only they need are not made, unless asked for.
			(weight !== 0 || recipe.steps !== undefined) &&
			reached.has(saveKey) &&
			recipe.layers?.includes(layer + 1) !== false &&
			recipe.steps?.includes(saveKey) !== false,
	);
	requireNamed(manifest, recipe);
	const best = heaviest(candidates);
	if (best === undefined) {
		throw new UserError(
			`None of the maps that the preset asks for exist in the model "${manifest.name}": it saves the steps ${manifest.schedule.saveTimesteps.join(', ')} of ${manifest.schedule.steps}.`,
		);
	}
	const chosen = recipe.maps === 'best' ? [best] : candidates;
	const wanted = new Set(chosen.map(({ saveKey }) => saveKey));
	const last = calls.findLastIndex((call) => wanted.has(call.saveKey));
	const common = { calls: calls.slice(0, last + 1) };
	if (usesLayers(manifest, recipe)) {
		return {
			...common,
			layerWeights: new Map(),
			concatenated: chosen.map(({ saveKey, layer }) => ({ saveKey, layer })),
		};
	}
	const layerWeights = new Map<number, number[]>();
	for (const { saveKey, layer, weight } of chosen) {
		const row = layerWeights.get(saveKey) ?? Array<number>(manifest.taps.length).fill(0);
		// A single map is wanted as its bottleneck made it, not faded to its share of the sum.
		row[layer] = recipe.maps === 'best' ? 1 : weight;
		layerWeights.set(saveKey, row);
	}
	return { ...common, layerWeights, concatenated: [] };
};

/** Whether the layers themselves are the descriptors, without the aggregation network. */
export const usesLayers = (manifest: Manifest, { aggregation }: FeatureRecipe): boolean =>
	aggregation === 'concatenation' || manifest.rawOnly === true;

type WeightedMap = MapChoice & { readonly weight: number };

const mapsOf = ({ schedule, mixingWeights }: Manifest): WeightedMap[] =>
	schedule.saveTimesteps.flatMap((saveKey, row) =>
		(mixingWeights[row] ?? []).map((weight, layer) => ({ saveKey, layer, weight })),
	);

const heaviest = (maps: readonly WeightedMap[]): WeightedMap | undefined =>
	maps.reduce<WeightedMap | undefined>(
		(most, map) => (most === undefined || map.weight > most.weight ? map : most),
		undefined,
	);

/** The map with the greatest mixing weight (paper, section 4.2). */
export const heaviestMap = (manifest: Manifest): MapChoice => {
	const map = heaviest(mapsOf(manifest));
	if (map === undefined) {
		throw new Error(`The model "${manifest.name}" has no mixing weights.`);
	}
	return map;
};

const requireNamed = (
	{ name, taps, schedule }: Manifest,
	{ layers = [], steps = [] }: FeatureRecipe,
): void => {
	const layer = layers.find((wanted) => wanted > taps.length);
	if (layer !== undefined) {
		throw new UserError(`The model "${name}" has ${taps.length} layers, so there is no layer ${layer}.`);
	}
	const step = steps.find((wanted) => !schedule.saveTimesteps.includes(wanted));
	if (step !== undefined) {
		throw new UserError(
			`The model "${name}" does not save step ${step}; it saves ${schedule.saveTimesteps.join(', ')}.`,
		);
	}
};

/** `fast` runs a CPU's 8-bit graph where the model has one; everything else is as the model was trained. */
export const precisions = ['full', 'fast'] as const;
export type Precision = (typeof precisions)[number];
