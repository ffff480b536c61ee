import { describe, expect, it, onTestFinished } from 'vitest';
import { openDiffusionExtractor } from '../../src/hyperfeatures/diffusion-extractor.js';
import { rawExtractor } from '../../src/hyperfeatures/raw-extractor.js';
import { openRawFeatures } from '../../src/hyperfeatures/raw-features.js';
import { readModelFolder } from '../../src/models/model-folder.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import { maxDifference } from '../helpers/arrays.js';
import { referenceArray } from '../helpers/npy.js';
import { sharedAvailable } from '../helpers/shared.js';
import { importFixture, readImage, reference } from '../helpers/stable-diffusion.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { texture } from '../helpers/textures.js';
import { writeTinyModel } from '../helpers/tiny-model.js';

/** Raw graphs are kept under PROPAGATE_HOME. */
const withHome = (): string => {
	const before = process.env.PROPAGATE_HOME;
	const home = temporaryFolder();
	process.env.PROPAGATE_HOME = home;
	onTestFinished(() => {
		process.env.PROPAGATE_HOME = before;
	});
	return home;
};

describe('raw features', () => {
	it('are the taps themselves, before any aggregation', async () => {
		const model = await readModelFolder(await writeTinyModel(withHome()));
		const runtime = openRuntime({ device: 'cpu' });
		onTestFinished(() => runtime.close());
		const raw = rawExtractor(await openRawFeatures(model, runtime), model.manifest, [{ step: 0, layer: 0 }]);
		const aggregated = await openDiffusionExtractor(model, runtime);
		const image = texture(120, 96);
		// The tiny model's only layer has weight 1 and no bottleneck, so that both are the same.
		expect(await raw.extract(image)).toEqual(await aggregated.extract(image));
	});
});

describe.skipIf(!sharedAvailable)('raw features of the published code (needs ../shared)', () => {
	it('are reproduced for all twelve layers', { timeout: 300_000 }, async () => {
		const home = withHome();
		const runtime = openRuntime({ device: 'cpu' });
		onTestFinished(() => runtime.close());
		const { model } = await importFixture({ weights: 'inv1' }, home, runtime);
		const features = await openRawFeatures(model, runtime);
		const wanted = model.manifest.taps.map((_, layer) => ({ step: 0, layer }));
		const image = await readImage(reference('inputs', 'image1_112.png'));
		let compared = 0;
		await features.visit(image, wanted, async ({ layer }, map) => {
			const [block, resnet] = [Math.floor(layer / 3), layer % 3];
			const expected = await referenceArray('inv1', 'raw', `up${block}_resnet${resnet}_t0.npy`);
			expect([map.channels, map.height, map.width]).toEqual(expected.shape.slice(-3));
			const values = Float32Array.from(expected.data.subarray(0, map.data.length) as Float32Array);
			expect(maxDifference(map.data, values)).toBeLessThan(1e-3);
			compared++;
		});
		expect(compared).toBe(12);
	});
});
