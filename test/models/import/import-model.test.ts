import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Raster } from '../../../src/core/frame.js';
import { openExtractor } from '../../../src/features/diffusion-extractor.js';
import { openGenerator } from '../../../src/features/generator.js';
import { type FeatureRecipe, featureRecipeSchema } from '../../../src/features/recipe.js';
import { importModel } from '../../../src/models/import/import-model.js';
import type { InstalledModel } from '../../../src/models/model-folder.js';
import { openRuntime } from '../../../src/runtime/onnx-runtime.js';
import { float32 } from '../../../src/runtime/tensor.js';
import { maxDifference } from '../../helpers/arrays.js';
import {
	type TinyNames,
	tiny,
	tinyAggregation,
	tinyUnet,
	tinyWidths,
	writeTinyExport,
} from '../../helpers/tiny-export.js';

const runtime = openRuntime({ device: 'cpu' });
let home: string;
let exportFolder: string;
let aggregation: string;
beforeAll(async () => {
	home = await mkdtemp(join(tmpdir(), 'propagate-import-'));
	exportFolder = await writeTinyExport(join(home, 'export'));
	aggregation = join(home, 'aggregation.safetensors');
	await writeFile(aggregation, tinyAggregation(tinyWidths, { steps: 10, saved: [9, 7, 4, 0] }));
});
afterAll(async () => {
	await runtime.close();
	await rm(home, { recursive: true });
});

const imported = async (name: string, more: object = {}): Promise<InstalledModel> => {
	const options = { exportFolder, aggregation, name, modelsFolder: join(home, 'models'), runtime, ...more };
	return (await importModel({ ...options, overwrite: true })).model;
};
const picture: Raster<3> = {
	width: 64,
	height: 64,
	channels: 3,
	data: Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251),
};
const extract = async (model: InstalledModel, recipe: Partial<FeatureRecipe> = {}) => {
	const extractor = openExtractor(model, runtime, {
		recipe: featureRecipeSchema.parse(recipe),
	});
	const map = await extractor.extract(picture);
	expect(map.channels).toBe(extractor.channels);
	await extractor.close();
	return map;
};
const sum = (...maps: readonly Float32Array[]): Float32Array =>
	(maps[0] ?? new Float32Array()).map((_, i) => maps.reduce((total, map) => total + (map[i] ?? 0), 0));

describe('importing a Stable Diffusion export', () => {
	it('gives the same features whatever the exporter named things', async () => {
		const reference = await extract(await imported('reference'));
		expect([reference.channels, reference.height, reference.width]).toEqual([128, 8, 8]);
		expect(Math.max(...reference.data)).toBeGreaterThan(0.1);
		const names: TinyNames[] = ['scoped', 'underscores', 'anonymous', 'clashing'];
		for (const [i, name] of names.entries()) {
			const unet = join(home, `unet-${i}.onnx`);
			await writeFile(unet, tinyUnet(name));
			const map = await extract(await imported(`names-${i}`, { unet }));
			expect(maxDifference(map.data, reference.data), name).toBe(0);
		}
	});

	it('stops early with the same weights: what is left out is what the later steps would have added', async () => {
		const model = await imported('early');
		const whole = await extract(model);
		const steps = [9, 7, 4, 0];
		const alone = await Promise.all(steps.map((step) => extract(model, { steps: [step] })));
		expect(maxDifference(sum(...alone.map((map) => map.data)), whole.data)).toBeLessThan(1e-5);
		// Call i is saved as step 9 - i: three calls reach the steps 9 and 7, six also reach 4.
		for (const [stopAfter, reached] of [
			[1, 1],
			[3, 2],
			[6, 3],
			[10, 4],
		] as const) {
			const stopped = await extract(model, { stopAfter });
			const expected = sum(...alone.slice(0, reached).map((map) => map.data));
			expect(maxDifference(stopped.data, expected)).toBeLessThan(1e-5);
		}
	});

	it('prunes to the single best map, after its bottleneck or as it is', async () => {
		const model = await imported('pruned');
		const { mixingWeights, schedule } = model.manifest;
		const greatest = Math.max(...mixingWeights.flat());
		const row = mixingWeights.findIndex((weights) => weights.includes(greatest));
		const layer = (mixingWeights[row]?.indexOf(greatest) ?? 0) + 1;
		const step = schedule.saveTimesteps[row] ?? 0;
		const pruned = await extract(model, { maps: 'best' });
		const weighted = await extract(model, { layers: [layer], steps: [step] });
		expect(
			maxDifference(
				pruned.data.map((value) => value * greatest),
				weighted.data,
			),
		).toBeLessThan(1e-6);
		const raw = await extract(model, { maps: 'best', aggregation: 'concatenation' });
		expect(raw.channels).toBe(tiny.width);
		const named = await extract(model, { layers: [layer], steps: [step], aggregation: 'concatenation' });
		expect(maxDifference(raw.data, named.data)).toBe(0);
	});

	it('needs no aggregation weights for the layers as they are', async () => {
		const raw = await imported('raw', { aggregation: undefined });
		const all = await extract(raw);
		expect(all.channels).toBe(12 * tiny.width);
		const fourth = await extract(raw, { layers: [4] });
		const area = all.height * all.width;
		const expected = all.data.subarray(3 * tiny.width * area, 4 * tiny.width * area);
		expect(maxDifference(fourth.data, expected)).toBe(0);
		// The first call is the same in every process, so the weights do not matter.
		const concatenation = { stopAfter: 1, aggregation: 'concatenation' } as const;
		expect(
			maxDifference((await extract(await imported('joined'), concatenation)).data, all.data),
		).toBeLessThan(1e-6);
	});

	it('says which maps a model does not have', async () => {
		const model = await imported('limits');
		await expect(extract(model, { layers: [13] })).rejects.toThrow(/has 12 layers, so there is no layer 13/);
		await expect(extract(model, { steps: [8] })).rejects.toThrow(/does not save step 8; it saves 9, 7, 4, 0/);
		await expect(extract(model, { steps: [0], stopAfter: 2 })).rejects.toThrow(/None of the maps/);
	});

	it('generates an image and its features, the same for the same seed and another for another prompt', async () => {
		const generator = await openGenerator(await imported('generator'), runtime);
		expect(generator.noiseShape).toEqual([1, 4, 8, 8]);
		const noise = float32(
			Float32Array.from({ length: 256 }, (_, i) => Math.sin(i * 12.9898)),
			generator.noiseShape,
		);
		const generate = (prompt: string, guidance = 7.5) =>
			generator.generate({ prompt, negativePrompt: '', guidance, noise });
		const first = await generate('a cat');
		expect(first.image).toMatchObject({ width: 64, height: 64 });
		expect(first.map.channels).toBe(128);
		expect(maxDifference((await generate('a cat')).map.data, first.map.data)).toBe(0);
		expect(maxDifference((await generate('a dog')).clean.data, first.clean.data)).toBeGreaterThan(1e-4);
		// Without guidance only the conditional branch is run, which is guidance of scale 1.
		const unguided = await generate('a cat', 1);
		expect(maxDifference((await generate('a cat', 1.000001)).clean.data, unguided.clean.data)).toBeLessThan(
			1e-3,
		);
		await generator.close();
	});

	it('refuses a UNet without the twelve decoder convolutions', async () => {
		const unet = join(exportFolder, 'vae_encoder', 'model.onnx');
		await expect(imported('wrong', { unet })).rejects.toThrow(/no input "timestep"/);
	});
});
