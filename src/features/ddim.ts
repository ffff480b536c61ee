import type { ScheduleCall } from './schedule.js';

type DdimStep = {
	/** The clean sample x₀ that the noise prediction implies. */
	readonly clean: Float32Array;
	/** The sample at `nextT`. */
	readonly next: Float32Array;
};

/**
 * One deterministic DDIM step (Song et al. 2021, eq. 12 with η = 0), in either direction:
 * x₀ = (x - √(1 - ᾱ_t)·ε) / √ᾱ_t and x' = √ᾱ_next·x₀ + √(1 - ᾱ_next)·ε.
 *
 * @param sample x at `t`
 * @param noise ε, the network's prediction at `t`, as long as `sample`
 */
const ddimStep = (
	sample: Float32Array,
	noise: Float32Array,
	{ alpha, alphaNext }: Pick<ScheduleCall, 'alpha' | 'alphaNext'>,
): DdimStep => {
	const signal = Math.fround(Math.sqrt(alpha));
	const spread = Math.fround(Math.sqrt(1 - alpha));
	const nextSignal = Math.fround(Math.sqrt(alphaNext));
	const nextSpread = Math.fround(Math.sqrt(1 - alphaNext));
	const clean = new Float32Array(sample.length);
	const next = new Float32Array(sample.length);
	for (let i = 0; i < sample.length; i++) {
		const epsilon = noise[i] ?? 0;
		const x0 = ((sample[i] ?? 0) - spread * epsilon) / signal;
		clean[i] = x0;
		next[i] = nextSignal * x0 + nextSpread * epsilon;
	}
	return { clean, next };
};

/**
 * The noise prediction whose clean sample lies in -1..1, the range of pixels: what a step predicts outside it would
 * grow from step to step. Only for models that work on pixels; latents have no such range.
 *
 * @param sample x at `t`, noisy
 * @param noise ε, the network's prediction
 */
export const clipClean = (
	sample: Float32Array,
	noise: Float32Array,
	{ alpha }: Pick<ScheduleCall, 'alpha'>,
): Float32Array => {
	const signal = Math.sqrt(alpha);
	const spread = Math.sqrt(1 - alpha);
	return noise.map((epsilon, i) => {
		const x = sample[i] ?? 0;
		const clean = Math.min(1, Math.max(-1, (x - spread * epsilon) / signal));
		return (x - signal * clean) / spread;
	});
};

/**
 * Predicts the noise ε in `sample` at `call.t`. Features are read off inside, at the calls that are saved.
 * Returning nothing ends the trajectory: the features of the last saved step are wanted, its sample is not.
 */
type Denoise = (sample: Float32Array, call: ScheduleCall) => Promise<Float32Array | undefined>;

/** The trajectory's state after a call. */
type TrajectoryPoint = {
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
