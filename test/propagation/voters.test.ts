import { afterAll, describe, expect, it } from 'vitest';
import { DeviceVoter } from '../../src/propagation/device-voter.js';
import { LabelThread } from '../../src/propagation/label-thread.js';
import type { SoftLabels } from '../../src/propagation/soft-labels.js';
import type { Vote } from '../../src/propagation/vote.js';
import type { Voter } from '../../src/propagation/voter.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import { noise, smoothMap } from '../correspondence/reference.js';

const grid = { height: 16, width: 24 };
const settings = {
	...{ topK: 5, candidates: null, temperature: 0.05, keyframeWeight: 0.3, reappearedWeight: 0.8 },
	feedBack: 'refined' as const,
};
const runtime = openRuntime({ device: 'cpu' });
const thread = new LabelThread(settings);
const device = new DeviceVoter(runtime, settings);
afterAll(async () => {
	await device.close();
	await thread.close();
	await runtime.close();
});

const randomLabels = (seed: number): SoftLabels => {
	const random = noise(seed);
	const data = new Float32Array(grid.height * grid.width * 2);
	for (let at = 0; at < data.length; at += 2) {
		data[at] = (random() + 1) / 2;
		data[at + 1] = 1 - (data[at] ?? 0);
	}
	return { grid, ids: [0, 3], data };
};

const ask = async (voter: Voter): Promise<Vote> => {
	const query = await voter.store(smoothMap(grid, 32, 0));
	const remembered = await Promise.all([2, 1].map((shift) => voter.store(smoothMap(grid, 32, shift))));
	// Without a window both see the same keys.
	const witnesses = remembered.map((frame, i) => ({ frame, labels: randomLabels(i + 1), radius: null }));
	return voter.vote(query, witnesses.slice(0, 1), witnesses.slice(1));
};

describe('voters', () => {
	it('agree, whether the vote is taken by the label thread or on the device', async () => {
		const [a, b] = [await ask(thread), await ask(device)];
		a.bestSimilarity.forEach((similarity, cell) => {
			expect(similarity).toBeCloseTo(b.bestSimilarity[cell] ?? 0, 3);
		});
		const differences = a.labels.data.map((value, i) => Math.abs(value - (b.labels.data[i] ?? 9)));
		// Equally good keys may be taken in another order; that may change single cells.
		expect(differences.filter((difference) => difference > 0.02).length).toBeLessThan(
			differences.length / 50,
		);
	});

	it('have the label thread refine what it has voted, without being told', async () => {
		const image = { width: 96, height: 64, channels: 3 as const, data: new Uint8Array(96 * 64 * 3).fill(90) };
		const refinement = { iterations: 5, colourSigma: 0.05, smoothness: 4, evidence: 1 };
		const query = await thread.store(smoothMap(grid, 32, 0));
		const frame = await thread.store(smoothMap(grid, 32, 1));
		const voting = thread.vote(query, [{ frame, labels: randomLabels(1), radius: null }], []);
		const refined = await thread.refine(query, image, refinement);
		expect(refined).toEqual(await thread.refine((await voting).labels, image, refinement));
		expect(new Set(refined.ids)).toEqual(new Set([0, 3]));
	});

	it('let the label thread remember what it has refined, so that the next vote need not wait for it', async () => {
		const image = { width: 96, height: 64, channels: 3 as const, data: new Uint8Array(96 * 64 * 3).fill(90) };
		const refinement = { iterations: 5, colourSigma: 0.05, smoothness: 4, evidence: 1 };
		const [keyframe, first, second] = await Promise.all(
			[2, 1, 0].map((s) => thread.store(smoothMap(grid, 32, s))),
		);
		if (keyframe === undefined || first === undefined || second === undefined) {
			throw new Error('Three frames were stored.');
		}
		const painted = [{ frame: keyframe, labels: randomLabels(1), radius: null }];
		// All at once: nothing waits for an answer.
		thread.vote(first, painted, []);
		const refining = thread.refine(first, image, refinement);
		const voting = thread.vote(second, painted, [{ frame: first, labels: undefined, radius: 4 }]);
		const { labels } = await refining;
		const told = await thread.vote(second, painted, [{ frame: first, labels, radius: 4 }]);
		expect(await voting).toEqual(told);
	});

	it('say when a frame is used after it was freed', async () => {
		const frame = await thread.store(smoothMap(grid, 32, 0));
		frame.free();
		await expect(thread.vote(frame, [{ frame, labels: randomLabels(1), radius: 2 }], [])).rejects.toThrow(
			'after it was freed',
		);
	});
});
