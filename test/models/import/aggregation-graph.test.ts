import { afterAll, describe, expect, it } from 'vitest';
import { DescriptorSum } from '../../../src/features/map-collector.js';
import { aggregationNetworkFrom } from '../../../src/models/checkpoint/aggregation-network.js';
import { readCheckpoint } from '../../../src/models/checkpoint/read-checkpoint.js';
import { aggregationGraph } from '../../../src/models/import/aggregation-graph.js';
import { buildGraph } from '../../../src/onnx/build-graph.js';
import { openRuntime } from '../../../src/runtime/onnx-runtime.js';
import { type Float32Tensor, float32 } from '../../../src/runtime/tensor.js';
import { maxDifference } from '../../helpers/arrays.js';
import { referenceArray } from '../../helpers/npy.js';
import { sharedAvailable } from '../../helpers/shared.js';
import { reference } from '../../helpers/stable-diffusion.js';

describe.skipIf(!sharedAvailable)('the aggregation network (needs ../shared)', () => {
	const runtime = openRuntime({ device: 'cpu' });
	afterAll(() => runtime.close());

	it('gives the published result step by step, on a grid that is not square, with and without a shortcut', async () => {
		const network = aggregationNetworkFrom(
			await readCheckpoint(reference('agg_unit', 'aggregation_network.pt')),
		);
		expect(network.layers.map((layer) => layer.shortcut === undefined)).toEqual([false, true]);
		const expectedWeights = await referenceArray('agg_unit', 'mixing_softmax.npy');
		expect(maxDifference(network.mixingWeights.flat(), expectedWeights.data as Float32Array)).toBeLessThan(
			1e-6,
		);

		const features = await referenceArray('agg_unit', 'features.npy');
		const [, , height = 0, width = 0] = features.shape;
		const widths = network.layers.map((layer) => layer.inputChannels);
		const taps = widths.map((_, i) => `tap${i}`);
		const { nodes, initializers } = aggregationGraph(network, taps, { height, width });
		const session = await runtime.load(
			buildGraph({
				name: 'aggregation',
				opset: 14,
				inputs: [
					...taps.map((name, i) => ({
						name,
						type: 'float32' as const,
						shape: [1, widths[i] ?? 0, height, width],
					})),
					{ name: 'mixing_weights', type: 'float32', shape: [widths.length] },
				],
				outputs: [{ name: 'hyperfeatures', type: 'float32' }],
				nodes,
				initializers,
			}),
		);
		const sum = new DescriptorSum();
		let offset = 0;
		for (const weights of network.mixingWeights) {
			const feeds: Record<string, Float32Tensor> = {
				mixing_weights: float32(Float32Array.from(weights), [widths.length]),
			};
			for (const [i, channels] of widths.entries()) {
				const count = channels * height * width;
				const values = (features.data as Float32Array).slice(offset, offset + count);
				feeds[`tap${i}`] = float32(values, [1, channels, height, width]);
				offset += count;
			}
			const { hyperfeatures } = await session.run(feeds);
			sum.add(hyperfeatures as Float32Tensor);
		}
		expect(offset).toBe(features.data.length);
		const expected = await referenceArray('agg_unit', 'output.npy');
		expect(maxDifference(sum.toMap().data, expected.data as Float32Array)).toBeLessThan(1e-5);
	});
});
