import { UserError } from '../errors.js';
import { cachedExtractor } from '../hyperfeatures/descriptor-cache.js';
import type { DescriptorExtractor } from '../hyperfeatures/extractor.js';
import { fromHalves, toHalves } from '../models/half-precision.js';
import type { Engine } from './open-engine.js';

/** What one run leaves in the descriptor cache at most: the frames of a longer clip would only push each other out. */
const MOST_BYTES = 3 * 2 ** 30;

/**
 * The extractor for the frames of a clip, with descriptors of earlier runs where there are some. A clip must not fail for
 * want of a cache: when it can't be written, or the clip is too long for it, frames are simply described.
 *
 * @param cache false: use none; the maps are the same
 */
export const frameExtractor = async (engine: Engine, cache: boolean): Promise<DescriptorExtractor> => {
	const uncached = rounding(engine.extractor);
	if (!cache) {
		return uncached;
	}
	const cached = await cachedExtractor(engine.extractor, engine.identity);
	let [isUsable, bytes, computed] = [true, 0, 0];
	return {
		channels: engine.extractor.channels,
		extract: async (image) => {
			if (!isUsable) {
				return uncached.extract(image);
			}
			try {
				const map = await cached.extract(image);
				if (cached.counts.computed > computed) {
					computed = cached.counts.computed;
					bytes += map.data.length * Uint16Array.BYTES_PER_ELEMENT;
					isUsable = bytes < MOST_BYTES;
				}
				return map;
			} catch (error) {
				if (!(error instanceof UserError)) {
					throw error;
				}
				isUsable = false;
				return uncached.extract(image);
			}
		},
		fileOf: async (image) => (isUsable ? cached.fileOf(image) : undefined),
		prepare: async (image) => cached.prepare?.(image),
		close: () => cached.close(),
	};
};

/** Maps in half precision, as the cache gives them. */
const rounding = (extractor: DescriptorExtractor): DescriptorExtractor => ({
	...extractor,
	extract: async (image) => {
		const map = await extractor.extract(image);
		fromHalves(toHalves(map.data), map.data);
		return map;
	},
});
