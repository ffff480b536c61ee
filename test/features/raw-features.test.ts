import { describe, expect, it, onTestFinished } from 'vitest';
import { openExtractor } from '../../src/features/diffusion-extractor.js';
import { openInversion } from '../../src/features/inversion.js';
import { planFeatures } from '../../src/features/recipe.js';
import { inversionCalls } from '../../src/features/schedule.js';
import { readModelFolder } from '../../src/models/model-folder.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import { maxDifference } from '../helpers/arrays.js';
import { referenceArray } from '../helpers/npy.js';
import { sharedAvailable } from '../helpers/shared.js';
import { importFixture, readImage, reference } from '../helpers/stable-diffusion.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { texture } from '../helpers/textures.js';
import { writeTinyModel } from '../helpers/tiny-model.js';

describe('raw features', () => {
	it('are the taps themselves, before any aggregation', async () => {
		const model = await readModelFolder(await writeTinyModel(temporaryFolder()));
		const runtime = openRuntime({ device: 'cpu' });
		onTestFinished(() => runtime.close());
		// Its graph gives out the sum only.
		expect(model.manifest.taps.map(({ output }) => output)).toEqual([undefined]);
		const raw = openExtractor(model, runtime, {
			recipe: { maps: 'all', layers: [1], aggregation: 'concatenation' },
		});
		const aggregated = openExtractor(model, runtime);
		const image = texture(120, 96);
		// The tiny model's only layer has weight 1 and no bottleneck, so that both are the same.
		expect(await raw.extract(image)).toEqual(await aggregated.extract(image));
	});
});

describe.skipIf(!sharedAvailable)('raw features of the published code (needs ../shared)', () => {
	it('are reproduced for all twelve layers', { timeout: 300_000 }, async () => {
		const runtime = openRuntime({ device: 'cpu' });
		onTestFinished(() => runtime.close());
		const { model } = await importFixture({ weights: 'inv1' }, temporaryFolder(), runtime);
		const inversion = await openInversion(model, runtime, { layers: true });
		const { manifest } = inversion;
		const plan = planFeatures(manifest, inversionCalls(manifest.schedule), {
			maps: 'all',
			steps: [0],
			aggregation: 'concatenation',
		});
		const image = await readImage(reference('inputs', 'image1_112.png'));
		let compared = 0;
		const expected = await Promise.all(
			plan.concatenated.map(({ layer }) =>
				referenceArray('inv1', 'raw', `up${Math.floor(layer / 3)}_resnet${layer % 3}_t0.npy`),
			),
		);
		await inversion.follow(image, plan.calls, {
			wanted: () => ({
				layerWeights: undefined,
				tapOutputs: plan.concatenated.map(({ layer }) => manifest.taps[layer]?.output ?? ''),
			}),
			add: (_, { taps }) => {
				for (const [i, tap] of taps.entries()) {
					const { shape, data } = expected[i] ?? { shape: [], data: new Float32Array() };
					expect(tap.dims.slice(-3)).toEqual(shape.slice(-3));
					const values = Float32Array.from(data.subarray(0, tap.data.length) as Float32Array);
					expect(maxDifference(tap.data, values)).toBeLessThan(1e-3);
					compared++;
				}
			},
		});
		expect(compared).toBe(12);
	});
});
