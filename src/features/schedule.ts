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

type NoiseSchedule = Pick<DiffusionSchedule, 'trainTimesteps' | 'betaStart' | 'betaEnd' | 'betaSchedule'>;

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

/** One call of the network on a DDIM trajectory: from timestep `t` to `nextT`. Timestep -1 is the clean image. */
export type ScheduleCall = {
	/** Position on the trajectory, from 0. */
	readonly index: number;
	/** Steps are counted as in generation, whichever way the trajectory runs: `steps - 1` is the clean end. */
	readonly saveKey: number;
	readonly t: number;
	readonly nextT: number;
	/** ᾱ at `t` and at `nextT`; exactly 1 at -1. */
	readonly alpha: number;
	readonly alphaNext: number;
};

/** Ascending timesteps 0, s, 2s, … with s = trainTimesteps / steps rounded down; no offset (diffusers' default). */
const ascendingTimesteps = ({ trainTimesteps, steps }: DiffusionSchedule): number[] => {
	const stride = Math.floor(trainTimesteps / steps);
	return Array.from({ length: steps }, (_, k) => k * stride);
};

type Edge = { readonly t: number; readonly nextT: number; readonly saveKey: number };

const toCalls = (schedule: DiffusionSchedule, edges: readonly Edge[]): ScheduleCall[] => {
	const alphas = alphasCumprod(schedule);
	const alphaAt = (t: number): number => (t < 0 ? 1 : (alphas[t] ?? 0));
	return edges.map(({ t, nextT, saveKey }, index) => ({
		index,
		saveKey,
		t,
		nextT,
		alpha: alphaAt(t),
		alphaNext: alphaAt(nextT),
	}));
};

/**
 * Calls of DDIM inversion, from the clean image towards noise. Call i is made at the timestep it leaves, so the
 * first one is at t = -1 and the last timestep of the schedule is never called (as the paper's code does).
 */
export const inversionCalls = (schedule: DiffusionSchedule): ScheduleCall[] => {
	const ascending = ascendingTimesteps(schedule);
	return toCalls(
		schedule,
		ascending.map((nextT, i) => ({
			t: ascending[i - 1] ?? -1,
			nextT,
			saveKey: schedule.steps - 1 - i,
		})),
	);
};

/** Calls of DDIM generation, from noise to the clean image. */
export const generationCalls = (schedule: DiffusionSchedule): ScheduleCall[] => {
	const descending = ascendingTimesteps(schedule).reverse();
	return toCalls(
		schedule,
		descending.map((t, i) => ({ t, nextT: descending[i + 1] ?? -1, saveKey: i })),
	);
};
