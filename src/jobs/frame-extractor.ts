import { cachedExtractor } from '../hyperfeatures/descriptor-cache.js';
import type { DescriptorExtractor } from '../hyperfeatures/extractor.js';
import { fromHalves, toHalves } from '../models/half-precision.js';
import type { Engine } from './open-engine.js';

/** What one run leaves in the descriptor cache at most: the frames of a longer clip would only push each other out. */
const MOST_BYTES = 3 * 2 ** 30;

/**
 * The extractor for the frames of a clip, with descriptors of earlier runs where there are some.
 *
 * @param cache false: use none; the maps are the same
 */
export const frameExtractor = async (engine: Engine, cache: boolean): Promise<DescriptorExtractor> =>
	cache
		? cachedExtractor(engine.extractor, engine.identity, undefined, MOST_BYTES)
		: rounding(engine.extractor);

/** Maps in half precision, as the cache gives them. */
const rounding = (extractor: DescriptorExtractor): DescriptorExtractor => ({
	...extractor,
	extract: async (image) => {
		const map = await extractor.extract(image);
		fromHalves(toHalves(map.data), map.data);
		return map;
	},
});
