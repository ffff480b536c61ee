import { classicalExtractor } from '../baselines/classical-descriptors.js';
import type { KeypointMethod, PairImage } from '../evaluation/pairs/evaluate-keypoints.js';
import type { DescriptorExtractor } from '../hyperfeatures/extractor.js';
import { rawExtractor } from '../hyperfeatures/raw-extractor.js';
import { openRawFeatures, type RawFeature } from '../hyperfeatures/raw-features.js';
import type { Manifest } from '../models/manifest.js';
import type { InstalledModel } from '../models/model-folder.js';
import { heaviestFeature } from '../models/variants.js';
import { type DescribedImage, describeImage } from '../pairs/described-image.js';
import type { Size } from '../pairs/grid-position.js';
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

/** What a model is compared with: its own raw features, and descriptors from before learning. */
export const baselineMethods = async (
	model: InstalledModel,
	runtime: Runtime,
	find: PointMatcher,
): Promise<{ readonly methods: KeypointMethod[]; close(): Promise<void> }> => {
	const { manifest } = model;
	const features = await openRawFeatures(model, runtime);
	const heaviest = heaviestFeature(manifest);
	const raw = (name: string, wanted: readonly RawFeature[]): KeypointMethod =>
		extractorMethod(name, rawExtractor(features, manifest, wanted), find);
	return {
		methods: [
			raw(`${manifest.name}: heaviest raw layer (${heaviest.layer + 1})`, [heaviest]),
			raw(`${manifest.name}: all raw layers, concatenated`, everyLayer(manifest)),
			extractorMethod('classical descriptors', classicalExtractor(), find),
		],
		close: () => features.close(),
	};
};

/** All layers of the clean image, as SD-Concat-All has them. */
export const everyLayer = ({ taps, schedule }: Manifest): RawFeature[] =>
	taps.map((_, layer) => ({ step: schedule.steps - 1, layer }));

/** Bytes that one image's descriptors take, as float32. */
export const descriptorBytes = (channels: number, grid: Size): number =>
	4 * channels * grid.height * grid.width;
