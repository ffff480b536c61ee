import { type CachedExtractor, cachedExtractor } from '../hyperfeatures/descriptor-cache.js';
import { type Engine, type EngineOptions, openEngine } from './open-engine.js';

/** An engine whose extractor remembers descriptors on disk. */
export type CachedEngine = Engine & { readonly extractor: CachedExtractor };

/** As {@link openEngine}, with the descriptor cache under `PROPAGATE_HOME` in front of the model. */
export const openCachedEngine = async (
	model: string | undefined,
	options: EngineOptions,
): Promise<CachedEngine> => {
	const engine = await openEngine(model, options);
	return { ...engine, extractor: await cachedExtractor(engine.extractor, engine.identity) };
};
