import { z } from 'zod';

/** Edge-aware refinement, see `refineLabels`. */
export const refinementSettingsSchema = z.strictObject({
	/** Mean-field iterations; 0 upsamples the probabilities bilinearly and no more. */
	iterations: z.int().min(0).max(50),
	/** Colour distance (L*a*b* / 100) at which two pixels stop supporting each other. */
	colourSigma: z.number().positive(),
	/** Weight of what the neighbours say against the propagated probability. */
	smoothness: z.number().nonnegative(),
	/** Exponent of the propagated probability; below 1 it yields more to the image's edges. */
	evidence: z.number().nonnegative(),
});

export type RefinementSettings = z.infer<typeof refinementSettingsSchema>;
