import type { DiffusionSchedule } from '../models/manifest.js';
import { alphasCumprod } from './noise-schedule.js';

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
