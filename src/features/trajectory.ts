import { ddimStep } from './ddim.js';
import type { ScheduleCall } from './timesteps.js';

/**
 * Predicts the noise ε in `sample` at `call.t`. Features are read off inside, at the calls that are saved.
 * Returning nothing ends the trajectory: the features of the last saved step are wanted, its sample is not.
 */
export type Denoise = (sample: Float32Array, call: ScheduleCall) => Promise<Float32Array | undefined>;

/** The trajectory's state after a call. */
export type TrajectoryPoint = {
	readonly call: ScheduleCall;
	/** The clean sample as predicted at this call. */
	readonly clean: Float32Array;
	/** The sample at `call.nextT`. */
	readonly sample: Float32Array;
};

/**
 * Follows the calls of `inversionCalls` (from a clean sample to noise) or `generationCalls` (from noise to a
 * clean sample). Both directions are the same loop: only the table differs (paper, section 3.1).
 */
export async function* followTrajectory(
	start: Float32Array,
	calls: readonly ScheduleCall[],
	denoise: Denoise,
): AsyncGenerator<TrajectoryPoint> {
	let sample = start;
	for (const call of calls) {
		const noise = await denoise(sample, call);
		if (noise === undefined) {
			return;
		}
		const { clean, next } = ddimStep(sample, noise, call);
		sample = next;
		yield { call, clean, sample };
	}
}

/** Classifier-free guidance: ε = ε_uncond + g·(ε_cond - ε_uncond). */
export const guide = (unconditional: Float32Array, conditional: Float32Array, scale: number): Float32Array =>
	unconditional.map((base, i) => base + scale * ((conditional[i] ?? 0) - base));
