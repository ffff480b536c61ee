import { describe, expect, it } from 'vitest';
import { followTrajectory, guide } from '../../src/features/ddim.js';
import { generationCalls, inversionCalls } from '../../src/features/schedule.js';
import type { DiffusionSchedule } from '../../src/models/manifest.js';

const schedule: DiffusionSchedule = {
	trainTimesteps: 1000,
	betaStart: 0.00085,
	betaEnd: 0.012,
	betaSchedule: 'scaled_linear',
	steps: 50,
	saveTimesteps: [0],
};

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
	const all: T[] = [];
	for await (const item of items) {
		all.push(item);
	}
	return all;
};

describe('followTrajectory', () => {
	it('inverts with a perfect denoiser to exactly the noise it knows, and generation undoes it', async () => {
		const image = Float32Array.of(0.5, -0.25, 1, 0);
		const noise = Float32Array.of(-1, 0.3, 2, 0.1);
		const inverted = await collect(followTrajectory(image, inversionCalls(schedule), async () => noise));
		const end = inverted.at(-1);
		const alpha = end?.call.alphaNext ?? 0;
		const expected = image.map((x, i) => Math.sqrt(alpha) * x + Math.sqrt(1 - alpha) * (noise[i] ?? 0));
		end?.sample.forEach((value, i) => {
			expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 4);
		});
		const generated = await collect(
			followTrajectory(end?.sample ?? image, generationCalls(schedule), async () => noise),
		);
		generated.at(-1)?.sample.forEach((value, i) => {
			expect(value).toBeCloseTo(image[i] ?? Number.NaN, 4);
		});
	});
});

describe('guide', () => {
	it('extrapolates from the unconditional to the conditional prediction', () => {
		expect(guide(Float32Array.of(1, 2), Float32Array.of(2, 0), 7.5)).toEqual(Float32Array.of(8.5, -13));
	});
});
