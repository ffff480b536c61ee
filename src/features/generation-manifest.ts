import { UserError } from '../core/errors.js';
import type { Manifest } from '../models/manifest.js';

/**
 * The model with as many steps as its generation takes. No image comes of one step, so a one-step model is given more;
 * its features are then those of the last one, next to the clean image, which its weights were trained on.
 *
 * @param steps undefined for the model's own
 * @throws UserError when a one-step model is given no steps, or another model some
 */
export const generationManifest = (manifest: Manifest, steps: number | undefined): Manifest => {
	const { schedule, name } = manifest;
	if (schedule.steps > 1) {
		if (steps !== undefined) {
			throw new UserError(
				`The model "${name}" has weights for ${schedule.steps} steps and generates in as many; leave --steps out.`,
			);
		}
		return manifest;
	}
	if (steps === undefined || steps < 2) {
		throw new UserError(
			`The model "${name}" has weights for one step, in which no image can be made; say how many to take, for example --steps 50.`,
		);
	}
	if (steps > schedule.trainTimesteps) {
		throw new UserError(
			`The model "${name}" knows ${schedule.trainTimesteps} timesteps; give at most so many --steps.`,
		);
	}
	return { ...manifest, schedule: { ...schedule, steps, saveTimesteps: [steps - 1] } };
};
