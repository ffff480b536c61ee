import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { buildGraph } from '../../src/onnx/build-graph.js';
import { float, graph, int, ints, string } from '../../src/onnx/graph-spec.js';
import { float32 } from '../../src/runtime/tensor.js';

const quiet = { logSeverityLevel: 3 } as const;

describe('buildGraph', () => {
	it('builds a graph that onnxruntime runs, with initializers and attributes of every kind', async () => {
		const bytes = buildGraph({
			name: 'affine-top-k',
			opset: 17,
			inputs: [{ name: 'x', type: 'float32', shape: ['n', 3] }],
			outputs: [
				{ name: 'values', type: 'float32', shape: ['n', 2] },
				{ name: 'indices', type: 'int64' },
			],
			nodes: [
				{
					opType: 'Gemm',
					inputs: ['x', 'weight', 'bias'],
					outputs: ['y'],
					attributes: { alpha: float(2), transB: int(1) },
				},
				{
					opType: 'TopK',
					inputs: ['y', 'k'],
					outputs: ['values', 'indices'],
					attributes: { axis: int(-1) },
				},
			],
			initializers: [
				{ name: 'weight', tensor: float32(Float32Array.of(0, 0, 1, 1, 0, 0, 0, 1, 0), [3, 3]) },
				{ name: 'bias', tensor: float32(Float32Array.of(0, 0, 0.5), [3]) },
				{ name: 'k', tensor: { type: 'int64', data: BigInt64Array.of(2n), dims: [1] } },
			],
		});
		const session = await InferenceSession.create(bytes, quiet);
		const { values, indices } = await session.run({
			x: new Tensor('float32', Float32Array.of(1, 2, 3, -1, -2, -3), [2, 3]),
		});
		expect(values?.dims).toEqual([2, 2]);
		// y = 2 x Wᵀ + b reverses: (6, 2, 4.5) and (-6, -2, -3.5).
		expect(values?.data).toEqual(Float32Array.of(6, 4.5, -2, -3.5));
		expect(indices?.data).toEqual(BigInt64Array.of(0n, 2n, 1n, 2n));
	});

	it('takes branches as graph attributes', async () => {
		const branch = (name: string, factor: number) =>
			graph({
				name,
				inputs: [],
				outputs: [{ name: `${name}_y`, type: 'float32' }],
				nodes: [{ opType: 'Mul', inputs: ['x', `${name}_factor`], outputs: [`${name}_y`] }],
				initializers: [{ name: `${name}_factor`, tensor: float32(Float32Array.of(factor), []) }],
			});
		const bytes = buildGraph({
			name: 'branches',
			opset: 17,
			inputs: [
				{ name: 'x', type: 'float32', shape: [1, 1, 2] },
				{ name: 'flag', type: 'bool', shape: [] },
			],
			outputs: [{ name: 'y', type: 'float32' }],
			nodes: [
				{
					opType: 'If',
					inputs: ['flag'],
					outputs: ['branched'],
					attributes: { then_branch: branch('yes', 10), else_branch: branch('no', -1) },
				},
				{
					opType: 'Pad',
					inputs: ['branched', 'pads'],
					outputs: ['padded'],
					attributes: { mode: string('edge') },
				},
				{ opType: 'Transpose', inputs: ['padded'], outputs: ['y'], attributes: { perm: ints([2, 1, 0]) } },
			],
			initializers: [
				{
					name: 'pads',
					tensor: { type: 'int64', data: BigInt64Array.of(0n, 0n, 0n, 0n, 0n, 1n), dims: [6] },
				},
			],
		});
		const session = await InferenceSession.create(bytes, quiet);
		const run = async (flag: boolean) => {
			const { y } = await session.run({
				x: new Tensor('float32', Float32Array.of(1, 2), [1, 1, 2]),
				flag: new Tensor('bool', Uint8Array.of(flag ? 1 : 0), []),
			});
			expect(y?.dims).toEqual([3, 1, 1]);
			return y?.data;
		};
		expect(await run(true)).toEqual(Float32Array.of(10, 20, 20));
		expect(await run(false)).toEqual(Float32Array.of(-1, -2, -2));
	});
});
