import { UserError } from '../errors.js';
import type { InstalledModel } from '../models/model-folder.js';
import type { Runtime } from '../runtime/session.js';
import { openDiffusionExtractor } from './diffusion-extractor.js';
import type { DescriptorExtractor } from './extractor.js';

/** Loads a model's graphs and returns what turns images into its descriptors. Close it to free them. */
export const openExtractor = async (
	model: InstalledModel,
	runtime: Runtime,
): Promise<DescriptorExtractor> => {
	if (model.manifest.kind !== 'diffusion') {
		throw new UserError(
			`The model "${model.manifest.name}" is of kind ${model.manifest.kind}; expected diffusion.`,
		);
	}
	return openDiffusionExtractor(model, runtime);
};
