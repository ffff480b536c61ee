import { z } from 'zod';
import { precisions } from '../hyperfeatures/precision.js';
import { propagationSettingsSchema } from '../propagation/settings.js';

/** A preset file: named settings of a whole run, as data. */
export const presetSchema = z.strictObject({
	name: z.string().min(1),
	description: z.string(),
	/** Model that the preset is for; the bundled one when left out. */
	model: z.string().optional(),
	/** Whether CPUs may run the model's 8-bit graph. */
	precision: z.enum(precisions).default('fast'),
	propagation: propagationSettingsSchema,
});

export type Preset = z.infer<typeof presetSchema>;
