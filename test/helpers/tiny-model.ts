import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../../src/models/manifest.js';
import { MANIFEST_FILE } from '../../src/models/model-folder.js';
import { recordOfFile } from '../../src/models/verify.js';
import { buildGraph } from '../../src/onnx/build-graph.js';
import { ints } from '../../src/onnx/graph-spec.js';
import { float32 } from '../../src/runtime/tensor.js';
import { randomNumbers } from '../pairs/maps.js';

const CHANNELS = 32;
const KERNEL = 8;

/**
 * A model of one convolution with random weights, which describes an image in a few milliseconds: for tests of what
 * happens around a model. Its descriptors tell textures apart well enough to find a point again in a copy.
 *
 * @returns the model's folder
 */
export const writeTinyModel = async (parent: string): Promise<string> => {
	const folder = join(parent, 'tiny');
	await mkdir(folder, { recursive: true });
	const next = randomNumbers(11);
	const kernel = Float32Array.from({ length: CHANNELS * 3 * KERNEL * KERNEL }, next);
	const graph = buildGraph({
		name: 'tiny',
		opset: 17,
		inputs: [
			{ name: 'sample', type: 'float32', shape: [1, 3, 'height', 'width'] },
			{ name: 'timestep', type: 'float32', shape: [1] },
			{ name: 'mixing_weights', type: 'float32', shape: [1] },
		],
		outputs: [{ name: 'hyperfeatures', type: 'float32', shape: [1, CHANNELS, 'h', 'w'] }],
		nodes: [
			{
				opType: 'Conv',
				inputs: ['sample', 'kernel'],
				outputs: ['features'],
				attributes: { strides: ints([4, 4]), pads: ints([2, 2, 2, 2]), kernel_shape: ints([KERNEL, KERNEL]) },
			},
			{ opType: 'Mul', inputs: ['features', 'mixing_weights'], outputs: ['weighted'] },
			{ opType: 'Identity', inputs: ['weighted'], outputs: ['hyperfeatures'] },
		],
		initializers: [{ name: 'kernel', tensor: float32(kernel, [CHANNELS, 3, KERNEL, KERNEL]) }],
	});
	await writeFile(join(folder, 'step.onnx'), graph);
	const manifest: Manifest = {
		formatVersion: 1,
		name: 'tiny',
		kind: 'diffusion',
		description: 'One convolution',
		license: 'CC0-1.0',
		graph: 'step.onnx',
		space: { kind: 'pixel' },
		image: {
			resize: { mode: 'fit', shortSide: 96, multiple: 8 },
			mean: [0.5, 0.5, 0.5],
			std: [0.5, 0.5, 0.5],
		},
		schedule: {
			trainTimesteps: 1000,
			betaStart: 0.00085,
			betaEnd: 0.012,
			betaSchedule: 'scaled_linear',
			steps: 1,
			saveTimesteps: [0],
		},
		descriptor: { channels: CHANNELS, grid: { mode: 'stride', stride: 4 } },
		taps: [{ name: 'only', channels: CHANNELS, tensor: 'features' }],
		mixingWeights: [[1]],
		files: { 'step.onnx': await recordOfFile(join(folder, 'step.onnx')) },
	};
	await writeFile(join(folder, MANIFEST_FILE), JSON.stringify(manifest));
	return folder;
};
