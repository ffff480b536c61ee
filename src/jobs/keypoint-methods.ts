import type { DescriptorExtractor } from '../core/descriptor-map.js';
import { UserError } from '../core/errors.js';
import { cellsFromPixels } from '../core/size.js';
import type { Baseline } from '../evaluation/baseline.js';
import { classicalExtractor } from '../evaluation/classical-descriptors.js';
import type { KeypointMethod, PairImage } from '../evaluation/pairs/evaluate-keypoints.js';
import { recipeExtractor } from '../features/diffusion-extractor.js';
import { openInversion } from '../features/inversion.js';
import { type FeatureRecipe, heaviestMap } from '../features/recipe.js';
import { type DescribedImage, describeImage } from '../matching/described-image.js';
import { type InstalledModel, type InstalledPairModel, isPairModel } from '../models/model-folder.js';
import type { PairModel } from '../pairs/pair-model.js';
import type { PointMatcher } from '../pairs/point-matcher.js';
import type { Runtime } from '../runtime/session.js';

/** Images described last: data sets go through their pairs image by image, so most are needed again soon. */
const HELD_IMAGES = 12;

/** A method that finds points by an extractor's descriptors. */
export const extractorMethod = (
	name: string,
	extractor: DescriptorExtractor,
	find: PointMatcher,
): KeypointMethod => {
	const held = new Map<string, Promise<DescribedImage>>();
	const described = ({ path, image }: PairImage): Promise<DescribedImage> => {
		const known = held.get(path) ?? describeImage(extractor, image);
		held.delete(path);
		held.set(path, known);
		const [oldest] = held.keys();
		if (held.size > HELD_IMAGES && oldest !== undefined) {
			held.delete(oldest);
		}
		return known;
	};
	return {
		name,
		find: async (source, target, points) =>
			(await find(await described(source), await described(target), points)).map((match) => match.target),
	};
};

/** No correspondence at all: every point stays at its place in the picture. What shows objects alike scores well so. */
const samePlace: KeypointMethod = {
	name: 'same place in the picture',
	find: async ({ image: source }, { image: target }, points) =>
		points.map(
			([x, y]) =>
				[
					cellsFromPixels(x, source.width, target.width),
					cellsFromPixels(y, source.height, target.height),
				] as const,
		),
};

/** @throws UserError for a model that has no features */
const requireLayers = (model: InstalledModel | InstalledPairModel): InstalledModel => {
	if (isPairModel(model)) {
		throw new UserError(
			`The model "${model.manifest.name}" matches two images by itself and has no raw features; compare it with --baselines classical,place.`,
		);
	}
	return model;
};

/** The model's own raw features: its heaviest layer, and all layers of the clean image one behind the other. */
const rawMethods = async (
	model: InstalledModel,
	runtime: Runtime,
	find: PointMatcher,
): Promise<KeypointMethod[]> => {
	const inversion = await openInversion(model, runtime, { layers: true });
	const { manifest } = inversion;
	const raw = (name: string, recipe: FeatureRecipe): KeypointMethod =>
		extractorMethod(`${manifest.name}: ${name}`, recipeExtractor(inversion, recipe), find);
	return [
		raw(`heaviest raw layer (${heaviestMap(manifest).layer + 1})`, {
			maps: 'best',
			aggregation: 'concatenation',
		}),
		raw('all raw layers, concatenated', { stopAfter: 1, maps: 'all', aggregation: 'concatenation' }),
	];
};

/** A model that finds points by itself. */
export const pairModelMethod = (name: string, model: PairModel): KeypointMethod => ({
	name,
	find: ({ image: source }, { image: target }, points) => model.matchPoints(source, target, points),
});

/** What a model is compared with: see {@link Baseline}. They live as long as the runtime does. */
export const baselineMethods = async (
	names: readonly Baseline[],
	model: InstalledModel | InstalledPairModel,
	runtime: Runtime,
	find: PointMatcher,
): Promise<KeypointMethod[]> => [
	...(names.includes('raw') ? await rawMethods(requireLayers(model), runtime, find) : []),
	...(names.includes('classical')
		? [extractorMethod('classical descriptors', classicalExtractor(), find)]
		: []),
	...(names.includes('place') ? [samePlace] : []),
];
