import { buildGraph } from '../src/onnx/build-graph.js';
import { float, ints } from '../src/onnx/graph-spec.js';
import type { Runtime } from '../src/runtime/session.js';

/** Large enough for full speed, small enough to take some hundredths of a second. */
const SIZE = 1536;
const RUNS = 9;

/**
 * The machine's ceiling: GFLOP/s of one large float32 matrix product in the same runtime, on the same device and threads
 * as the model. Best of several, since anything else that runs can only make it slower.
 */
export const matMulPeak = async (runtime: Runtime): Promise<number> => {
	const shape = ints([SIZE, SIZE]);
	const noise = await runtime.load(
		buildGraph({
			name: 'noise',
			opset: 17,
			inputs: [],
			outputs: ['a', 'b'].map((name) => ({ name, type: 'float32', shape: [SIZE, SIZE] })),
			nodes: ['a', 'b'].map((name, seed) => ({
				opType: 'RandomNormal',
				inputs: [],
				outputs: [name],
				attributes: { shape, seed: float(seed) },
			})),
			initializers: [],
		}),
	);
	const product = await runtime.load(
		buildGraph({
			name: 'product',
			opset: 17,
			inputs: ['a', 'b'].map((name) => ({ name, type: 'float32', shape: [SIZE, SIZE] })),
			outputs: [{ name: 'c', type: 'float32', shape: [SIZE, SIZE] }],
			nodes: [{ opType: 'MatMul', inputs: ['a', 'b'], outputs: ['c'] }],
			initializers: [],
		}),
	);
	const factors = await noise.runResident({});
	let best = Number.POSITIVE_INFINITY;
	for (let run = 0; run < RUNS; run++) {
		const start = performance.now();
		const { c } = await product.runResident(factors);
		best = Math.min(best, performance.now() - start);
		if (c !== undefined) {
			runtime.free(c);
		}
	}
	for (const factor of Object.values(factors)) {
		runtime.free(factor);
	}
	await noise.release();
	await product.release();
	return (2 * SIZE ** 3) / best / 1e6;
};
