import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openExtractor } from '../../src/hyperfeatures/open-extractor.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import { maxDifference } from '../helpers/arrays.js';
import { referenceArray } from '../helpers/npy.js';
import { sharedAvailable } from '../helpers/shared.js';
import {
	type FixtureImport,
	importFixture,
	readImage,
	reference,
	temporaryModels,
} from '../helpers/stable-diffusion.js';

/** Tolerances of the reference's manifest; the VAE and the resizing are ours here, not only the UNet. */
const cases: (FixtureImport & { what: string; images: string; tolerance: number })[] = [
	{ what: 'one step', weights: 'inv1', images: '112', tolerance: 1e-4 },
	{
		what: 'external weights and a sampling VAE',
		weights: 'inv1',
		unet: 'unet_external/model.onnx',
		vaeEncoder: 'vae_encoder_legacy/model.onnx',
		images: '112',
		tolerance: 1e-4,
	},
	{
		what: 'a graph without names',
		weights: 'inv1',
		unet: 'unet_external/model_anonymous.onnx',
		images: '112',
		tolerance: 1e-4,
	},
	{ what: 'half precision', weights: 'inv1', unet: 'unet_fp16/model.onnx', images: '112', tolerance: 0.02 },
	{ what: 'ten of fifty steps', weights: 'trunc10', images: '256', tolerance: 5e-4 },
	{ what: 'fifty steps', weights: 'inv50', images: '256', tolerance: 5e-4 },
];

describe.skipIf(!sharedAvailable)('hyperfeatures of the published code (needs ../shared)', () => {
	const runtime = openRuntime({ device: 'cpu' });
	let models: Awaited<ReturnType<typeof temporaryModels>>;
	beforeAll(async () => {
		models = await temporaryModels();
	});
	afterAll(async () => {
		await runtime.close();
		await models.remove();
	});

	it.each(cases)('are reproduced with $what', { timeout: 300_000 }, async (fixture) => {
		const { model } = await importFixture(fixture, models.folder, runtime);
		const extractor = await openExtractor(model, runtime);
		const expected = await referenceArray(fixture.weights, 'hyperfeatures.npy');
		const perImage = expected.data.length / 2;
		for (const image of [0, 1]) {
			const map = await extractor.extract(
				await readImage(reference('inputs', `image${image + 1}_${fixture.images}.png`)),
			);
			expect([map.channels, map.height, map.width]).toEqual(expected.shape.slice(1));
			const values = expected.data.subarray(image * perImage, (image + 1) * perImage) as Float32Array;
			expect(maxDifference(map.data, values)).toBeLessThan(fixture.tolerance);
		}
		await extractor.close();
	});
});
