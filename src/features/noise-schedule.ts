import type { DiffusionSchedule } from '../models/manifest.js';

const f = Math.fround;

/** Lanes of a float vector on AVX2, see {@link linspace}. */
const LANES = 8;

/**
 * `torch.linspace` in float32, to the last bit: PyTorch fills vectors of eight from a base value that is
 * counted from the nearer end. Rounded any other way the betas differ by up to 3e-7 relative.
 */
const linspace = (start: number, end: number, count: number): Float32Array => {
	const first = f(start);
	const last = f(end);
	const step = f(f(last - first) / (count - 1));
	return Float32Array.from({ length: count }, (_, i) => {
		const lane = i % LANES;
		const baseIndex = i - lane;
		const base = f(baseIndex < count / 2 ? first + step * baseIndex : last - step * (count - 1 - baseIndex));
		return base + f(step * lane);
	});
};

export type NoiseSchedule = Pick<
	DiffusionSchedule,
	'trainTimesteps' | 'betaStart' | 'betaEnd' | 'betaSchedule'
>;

/** Noise variances added at each training timestep, float32 [trainTimesteps]. */
export const betas = ({ trainTimesteps, betaStart, betaEnd, betaSchedule }: NoiseSchedule): Float32Array =>
	betaSchedule === 'linear'
		? linspace(betaStart, betaEnd, trainTimesteps)
		: linspace(Math.sqrt(betaStart), Math.sqrt(betaEnd), trainTimesteps).map((root) => root * root);

/**
 * Remaining signal power ᾱ_t = Π (1 - β), float32 [trainTimesteps].
 * The running product is kept in float64 as PyTorch's cumprod does on the CPU.
 */
export const alphasCumprod = (schedule: NoiseSchedule): Float32Array => {
	let product = 1;
	return betas(schedule).map((beta) => {
		product *= f(1 - beta);
		return product;
	});
};
