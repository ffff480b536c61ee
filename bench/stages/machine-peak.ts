import { gaussianNoise } from '../../src/features/gaussian-noise.js';
import { buildGraph, type ModelSpec } from '../../src/onnx/build-graph.js';
import { elementTypeCodes, float, int, ints } from '../../src/onnx/graph-spec.js';
import type { Runtime, Session } from '../../src/runtime/session.js';
import { float32, type Tensor } from '../../src/runtime/tensor.js';

/** Large enough for full speed, small enough to take some hundredths of a second. */
const SIZE = 1536;
const RUNS = 9;
/** ONNX's number of an element type that no tensor of ours has. */
const INT8 = 3;

export type PeakPrecision = 'float32' | 'int8';

/** One large matrix product, to be timed again and again. */
export type PeakProduct = {
	/** Operations of one product: 2 for each multiply-add. */
	readonly flops: number;
	run(): Promise<void>;
	close(): Promise<void>;
};

/**
 * A product of two matrices of 1536 x 1536 in the runtime, on its device and threads. The right one is a constant, as a model's
 * weights are; 8 bits are as the models' graphs have them: activations without sign, weights with.
 */
export const openPeakProduct = async (runtime: Runtime, precision: PeakPrecision): Promise<PeakProduct> => {
	const isInteger = precision === 'int8';
	const dims = [SIZE, SIZE];
	const left = { name: 'a', type: isInteger ? 'uint8' : 'float32', shape: dims } as const;
	const load = (spec: Omit<ModelSpec, 'name' | 'opset'>): Promise<Session> =>
		runtime.load(buildGraph({ name: 'peak', opset: 17, ...spec }));
	const noise = gaussianNoise(SIZE * SIZE, 1);
	const constant: Tensor = isInteger
		? { type: 'uint8', data: Uint8Array.from(noise, (value) => 64 + 12 * value), dims }
		: float32(noise, dims);
	const random = { shape: ints(dims), mean: float(64), scale: float(12), seed: float(0) };
	const source = await load({
		inputs: [],
		outputs: [left],
		nodes: [
			{ opType: 'RandomNormal', inputs: [], outputs: ['noise'], attributes: random },
			{
				opType: 'Cast',
				inputs: ['noise'],
				outputs: ['a'],
				attributes: { to: int(elementTypeCodes[left.type]) },
			},
		],
		initializers: [],
	});
	const product = await load({
		inputs: [left],
		outputs: [{ name: 'c', type: isInteger ? 'int32' : 'float32', shape: dims }],
		nodes: isInteger
			? [
					{ opType: 'Cast', inputs: ['b'], outputs: ['signed'], attributes: { to: int(INT8) } },
					{ opType: 'MatMulInteger', inputs: ['a', 'signed'], outputs: ['c'] },
				]
			: [{ opType: 'MatMul', inputs: ['a', 'b'], outputs: ['c'] }],
		initializers: [{ name: 'b', tensor: constant }],
	});
	const given = await source.runResident({});
	return {
		flops: 2 * SIZE ** 3,
		run: async () => runtime.free(...Object.values(await product.runResident(given))),
		close: async () => {
			runtime.free(...Object.values(given));
			await source.release();
			await product.release();
		},
	};
};

/**
 * The machine's ceiling: GFLOP/s of one large float32 matrix product in the same runtime, on the same device and threads
 * as the model. Best of several, since anything else that runs can only make it slower.
 */
export const matMulPeak = async (runtime: Runtime): Promise<number> => {
	const product = await openPeakProduct(runtime, 'float32');
	let best = Number.POSITIVE_INFINITY;
	for (let run = 0; run < RUNS; run++) {
		const start = performance.now();
		await product.run();
		best = Math.min(best, performance.now() - start);
	}
	await product.close();
	return product.flops / best / 1e6;
};
