import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DescriptorMap } from '../../src/core/descriptor-map.js';
import { boxExtent, imageExtent, pck } from '../../src/evaluation/pck.js';
import { openExtractor } from '../../src/features/diffusion-extractor.js';
import { featureRecipeSchema } from '../../src/features/recipe.js';
import { runStep } from '../../src/features/step-network.js';
import { DescriptorBank } from '../../src/matching/descriptor-bank.js';
import { NearestMatcher } from '../../src/matching/nearest-matcher.js';
import { matchPointsAsPublished } from '../../src/pairs/paper-points.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import { float32 } from '../../src/runtime/tensor.js';
import { maxDifference } from '../helpers/arrays.js';
import { referenceArray } from '../helpers/npy.js';
import { sharedAvailable } from '../helpers/shared.js';
import {
	type FixtureImport,
	importFixture,
	readAnnotation,
	readImage,
	reference,
	referenceCase,
	temporaryModels,
} from '../helpers/stable-diffusion.js';
import { keypointLoss } from './keypoint-loss.js';

/** Tolerances of the reference's manifest; the VAE and the resizing are ours here, not only the UNet. */
const cases: (FixtureImport & {
	what: string;
	weights: string;
	images: string;
	tolerance: number;
	correspondence?: boolean;
})[] = [
	{ what: 'one step', weights: 'inv1', images: '112', tolerance: 1e-4, correspondence: true },
	{
		what: 'external weights and a sampling VAE',
		weights: 'inv1',
		unet: 'sd15/unet_external/model.onnx',
		vaeEncoder: 'sd15/vae_encoder_legacy/model.onnx',
		images: '112',
		tolerance: 1e-4,
	},
	{
		what: 'a graph without names',
		weights: 'inv1',
		unet: 'sd15/unet_external/model_anonymous.onnx',
		images: '112',
		tolerance: 1e-4,
	},
	{
		what: 'half precision',
		weights: 'inv1',
		unet: 'sd15/unet_fp16/model.onnx',
		images: '112',
		tolerance: 0.02,
	},
	{ what: 'ten of fifty steps', weights: 'trunc10', images: '256', tolerance: 5e-4 },
	{ what: 'fifty steps', weights: 'inv50', images: '256', tolerance: 5e-4, correspondence: true },
];

const layerName = (layer: number): string => `up${Math.floor(layer / 3)}_resnet${layer % 3}`;

describe.skipIf(!sharedAvailable)('the published code (needs ../shared)', () => {
	const runtime = openRuntime({ device: 'cpu' });
	let models: Awaited<ReturnType<typeof temporaryModels>>;
	beforeAll(async () => {
		models = await temporaryModels();
	});
	afterAll(async () => {
		await runtime.close();
		await models.remove();
	});

	it.each(cases)('gives the same hyperfeatures with $what', { timeout: 300_000 }, async (fixture) => {
		const { model } = await importFixture(fixture, models.folder, runtime);
		const extractor = openExtractor(model, runtime);
		const expected = await referenceArray(fixture.weights, 'hyperfeatures.npy');
		const perImage = expected.data.length / 2;
		const maps: DescriptorMap[] = [];
		for (const image of [0, 1]) {
			const map = await extractor.extract(
				await readImage(reference('inputs', `image${image + 1}_${fixture.images}.png`)),
			);
			expect([map.channels, map.height, map.width]).toEqual(expected.shape.slice(1));
			const values = expected.data.subarray(image * perImage, (image + 1) * perImage) as Float32Array;
			expect(maxDifference(map.data, values)).toBeLessThan(fixture.tolerance);
			maps.push(map);
		}
		await extractor.close();
		if (fixture.correspondence) {
			const [source, target] = maps as [DescriptorMap, DescriptorMap];
			await expectCorrespondence(fixture.weights, source, target);
		}
	});

	/** Nearest neighbours, keypoints, PCK and loss of a case. */
	const expectCorrespondence = async (
		name: string,
		source: DescriptorMap,
		target: DescriptorMap,
	): Promise<void> => {
		const bank = new DescriptorBank(runtime);
		const matcher = await NearestMatcher.open(runtime);
		const [query, key] = [await bank.add(source), await bank.add(target)];
		for (const [suffix, matches] of [
			['', await matcher.match(query, key)],
			['_reverse', await matcher.match(key, query)],
		] as const) {
			const index = await referenceArray(name, 'corr', `nn_index${suffix}.npy`);
			const margin = await referenceArray(name, 'corr', `nn_margin${suffix}.npy`);
			const flipped = [...matches.indices].filter(
				(match, i) => match !== Number(index.data[i]) && Number(margin.data[i]) > 1e-4,
			);
			expect(matches.indices).toHaveLength(index.data.length);
			expect(flipped).toEqual([]);
		}

		const { corr } = await referenceCase(name);
		const annotation = await readAnnotation();
		const [sourceSize, targetSize] = [annotation.source_size, annotation.target_size].map(
			([width, height]) => ({ width, height }),
		) as [{ width: number; height: number }, { width: number; height: number }];
		const [loadHeight = 0, loadWidth = 0] = corr.demo.load_size;
		const load = { width: loadWidth, height: loadHeight };
		const described = [
			{ ...sourceSize, map: source },
			{ ...targetSize, map: target },
		] as const;
		const predicted = matchPointsAsPublished(...described, annotation.source_points, {
			source: load,
			target: load,
		}).map((match) => match.target);
		const truth = annotation.target_points;
		const distances = predicted.map(([x, y], i) =>
			Math.hypot(x - (truth[i]?.[0] ?? 0), y - (truth[i]?.[1] ?? 0)),
		);
		// The maps are upsampled for this, so neighbouring pixels nearly tie: a pixel of the load size is allowed.
		expect(maxDifference(distances, corr.validate_img.distances)).toBeLessThan(
			(1.5 * imageExtent(targetSize)) / loadWidth,
		);
		for (const [alpha, expected] of Object.entries(corr.sweep)) {
			const at = (extent: number) => pck([{ predicted, truth, extent }], Number(alpha)).perPoint;
			expect(at(imageExtent(targetSize))).toBeCloseTo(expected.img, 6);
			expect(at(boxExtent(annotation.target_bounding_box))).toBeCloseTo(expected.bbox, 6);
		}

		const loss = keypointLoss(...described, annotation.source_points, annotation.target_points);
		expect(Math.abs(loss / corr.loss.value - 1)).toBeLessThan(1e-4);
	};

	const rawCases: (FixtureImport & { name: string; embedding: string; timestep: string })[] = [
		{ name: 'inv1', embedding: 'embedding_empty', timestep: 'int64 scalar' },
		{
			name: 'inv1',
			unet: 'sd15/unet_external/model_anonymous.onnx',
			embedding: 'embedding_empty',
			timestep: 'float vector',
		},
		{
			name: 'sd21_inv1',
			export: 'sd21',
			vaeEncoder: 'sd15/vae_encoder/model.onnx',
			emptyPrompt: 'inputs/embedding_sd21.npy',
			embedding: 'embedding_sd21',
			timestep: 'int64 scalar',
		},
	];
	it.each(rawCases)(
		'has the same layers and noise in one call of $name, $timestep timestep',
		{ timeout: 120_000 },
		async ({ name, embedding, ...fixture }) => {
			const { model } = await importFixture(fixture, models.folder, runtime);
			const { taps } = model.manifest;
			expect(taps.map((tap) => tap.channels)).toEqual((await referenceCase(name)).feature_dims);
			const session = await runtime.load(`${model.folder}/${model.manifest.graph}`);
			const samples = await referenceArray(name, 'trace', 'call000_sample.npy');
			const half = samples.data.length / 2;
			const prompt = await referenceArray('inputs', `${embedding}.npy`);
			const step = await runStep(session, taps.length, {
				sample: float32(samples.data.slice(0, half) as Float32Array, [1, ...samples.shape.slice(1)]),
				t: -1,
				embedding: float32(prompt.data as Float32Array, prompt.shape),
				layerWeights: undefined,
				noiseWanted: true,
				tapOutputs: taps.map((tap) => tap.output ?? ''),
			});
			const noise = await referenceArray(name, 'trace', 'call000_eps.npy');
			expect(maxDifference(step.noise ?? [], noise.data.slice(0, half) as Float32Array)).toBeLessThan(1e-4);
			let compared = 0;
			for (const [layer, tap] of step.taps.entries()) {
				const expected = await referenceArray(name, 'raw', `${layerName(layer)}_t0.npy`).catch(
					() => undefined,
				);
				if (expected !== undefined) {
					const first = expected.data.slice(0, tap.data.length) as Float32Array;
					expect(maxDifference(tap.data, first)).toBeLessThan(1e-4);
					compared++;
				}
			}
			expect(compared).toBeGreaterThanOrEqual(4);
			await session.release();
		},
	);

	it('saves the same layers along fifty steps, resized to the output grid', {
		timeout: 300_000,
	}, async () => {
		const { model } = await importFixture({ weights: 'inv50' }, models.folder, runtime);
		const image = await readImage(reference('inputs', 'image1_256.png'));
		for (const [layer, step] of [
			[0, 49],
			[11, 0],
		] as const) {
			const recipe = featureRecipeSchema.parse({
				layers: [layer + 1],
				steps: [step],
				aggregation: 'concatenation',
			});
			const extractor = openExtractor(model, runtime, { recipe });
			const map = await extractor.extract(image);
			const expected = await referenceArray('inv50', 'resized', `${layerName(layer)}_t${step}.npy`);
			expect([map.channels, map.height, map.width]).toEqual(expected.shape.slice(1));
			const first = expected.data.slice(0, map.data.length) as Float32Array;
			expect(maxDifference(map.data, first)).toBeLessThan(5e-4);
			await extractor.close();
		}
	});
});
