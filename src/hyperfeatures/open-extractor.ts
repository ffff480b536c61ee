import type { InstalledModel } from '../models/model-folder.js';
import type { Runtime } from '../runtime/session.js';
import { type ExtractorOptions, openDiffusionExtractor } from './diffusion-extractor.js';
import type { DescriptorExtractor } from './extractor.js';

/** Loads a model's graphs and returns what turns images into its descriptors. Close it to free them. */
export const openExtractor = (
	model: InstalledModel,
	runtime: Runtime,
	options?: ExtractorOptions,
): Promise<DescriptorExtractor> => openDiffusionExtractor(model, runtime, options);
