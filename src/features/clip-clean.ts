import type { ScheduleCall } from './timesteps.js';

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
