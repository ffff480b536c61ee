import type { FeatureRecipe } from '../features/recipe.js';
import { loadPreset } from '../presets/load-preset.js';

export type ModelChoice = {
	/** Name or folder; wins over the preset's. */
	readonly model?: string | undefined;
	/** Preset whose model and recipe of features are used. */
	readonly preset?: string | undefined;
};

/**
 * The model that a job of images asks for, and which of its maps.
 *
 * @throws UserError when there is no such preset
 */
export const chosenModel = async ({
	model,
	preset,
}: ModelChoice): Promise<{
	readonly model: string | undefined;
	readonly features: FeatureRecipe | undefined;
}> => {
	const loaded = await loadPreset(preset);
	return { model: model ?? loaded.model, features: loaded.features };
};
