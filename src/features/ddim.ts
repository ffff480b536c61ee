import type { ScheduleCall } from './timesteps.js';

export type DdimStep = {
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
export const ddimStep = (
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
