import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { alphasCumprod, betas, generationCalls, inversionCalls } from '../../src/features/schedule.js';
import type { DiffusionSchedule } from '../../src/models/manifest.js';
import { referenceArray } from '../helpers/npy.js';
import { shared, sharedAvailable } from '../helpers/shared.js';

const stableDiffusion = (steps: number, saveTimesteps = [0]): DiffusionSchedule => ({
	trainTimesteps: 1000,
	betaStart: 0.00085,
	betaEnd: 0.012,
	betaSchedule: 'scaled_linear',
	steps,
	saveTimesteps,
});

describe('the schedule', () => {
	it('inverts in 50 steps from t = -1, where nothing is noise yet, and never calls the noisiest timestep', () => {
		const calls = inversionCalls(stableDiffusion(50));
		expect(calls).toHaveLength(50);
		expect(calls[0]).toMatchObject({ t: -1, nextT: 0, saveKey: 49, alpha: 1 });
		expect(calls.slice(1, 4).map((call) => [call.t, call.nextT])).toEqual([
			[0, 20],
			[20, 40],
			[40, 60],
		]);
		expect(calls.at(-1)).toMatchObject({ t: 960, nextT: 980, saveKey: 0 });
	});

	it('saves the eleven timesteps of the paper', () => {
		const saved = new Set([49, 45, 40, 35, 30, 25, 20, 15, 10, 5, 0]);
		const timesteps = inversionCalls(stableDiffusion(50))
			.filter((call) => saved.has(call.saveKey))
			.map((call) => call.t);
		expect(timesteps).toEqual([-1, 60, 160, 260, 360, 460, 560, 660, 760, 860, 960]);
	});

	it('generates down to the clean image', () => {
		const calls = generationCalls(stableDiffusion(50));
		expect(calls[0]).toMatchObject({ t: 980, nextT: 960, saveKey: 0 });
		expect(calls.at(-1)).toMatchObject({ t: 0, nextT: -1, saveKey: 49, alphaNext: 1 });
	});

	it('rounds the stride down and makes one-step inversion a single call on the clean image', () => {
		expect(generationCalls(stableDiffusion(3)).map((call) => call.t)).toEqual([666, 333, 0]);
		expect(inversionCalls(stableDiffusion(1))).toMatchObject([{ t: -1, nextT: 0, saveKey: 0 }]);
	});
});

describe.skipIf(!sharedAvailable)('parity with the published code (needs ../shared)', () => {
	it('has its betas and cumulative alphas to the last bit', async () => {
		expect(betas(stableDiffusion(50))).toEqual((await referenceArray('schedule', 'betas.npy')).data);
		expect(alphasCumprod(stableDiffusion(50))).toEqual(
			(await referenceArray('schedule', 'alphas_cumprod.npy')).data,
		);
	});

	it('makes its calls', async () => {
		type Row = { save_key: number; t: number; next_t: number; alpha_t: number; alpha_next: number };
		type Case = { num_timesteps: number; inversion: Row[]; generation: Row[] };
		const text = await readFile(shared('fixtures', 'sd', 'schedule', 'schedule.json'), 'utf8');
		const { schedules } = JSON.parse(text) as { schedules: Case[] };
		expect(schedules.length).toBeGreaterThan(1);
		const rows = (calls: ReturnType<typeof inversionCalls>): Row[] =>
			calls.map(
				({ index: i, saveKey: save_key, t, nextT: next_t, alpha: alpha_t, alphaNext: alpha_next }) => ({
					i,
					save_key,
					t,
					next_t,
					alpha_t,
					alpha_next,
				}),
			);
		for (const { num_timesteps, inversion, generation } of schedules) {
			expect(rows(inversionCalls(stableDiffusion(num_timesteps)))).toEqual(inversion);
			expect(rows(generationCalls(stableDiffusion(num_timesteps)))).toEqual(generation);
		}
	});
});
