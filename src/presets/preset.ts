import { z } from 'zod';
import { precisions } from '../features/precision.js';
import { featureRecipeSchema } from '../features/recipe.js';
import { propagationSettingsSchema } from '../masks/labels/settings.js';

/** A preset file: named settings of a whole run, as data. */
export const presetFileSchema = z.strictObject({
	name: z.string().min(1),
	description: z.string(),
	/** Model that the preset is for; the bundled one when left out. */
	model: z.string().optional(),
	/** Whether CPUs may run the model's 8-bit graph. */
	precision: z.enum(precisions).default('fast'),
	/** Which of the model's maps are used; all of them, as trained, when left out. */
	features: featureRecipeSchema.optional(),
	/** Whether masks are tracked by the mask decoder; without it labels are propagated on descriptors alone, as in the paper. */
	decoder: z.boolean().default(true),
	/** How labels are carried without the decoder; the default preset's way when left out. */
	propagation: propagationSettingsSchema.optional(),
});

type PresetFile = z.infer<typeof presetFileSchema>;

/** A preset with nothing left open but the model. */
export type Preset = PresetFile & { readonly propagation: NonNullable<PresetFile['propagation']> };
