import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { inputSize } from '../src/hyperfeatures/preprocess.js';
import { type InstalledModel, pathInside } from '../src/models/model-folder.js';
import { pruneUnused } from '../src/onnx/edit.js';
import type { OnnxNode } from '../src/onnx/model.js';
import { readModel } from '../src/onnx/read-model.js';
import { encodeModel } from '../src/onnx/write-model.js';
import type { Runtime } from '../src/runtime/session.js';
import { float32 } from '../src/runtime/tensor.js';

const FLOAT = 1;
const multiplying = new Set(['Conv', 'MatMul', 'Gemm']);

/**
 * Floating-point operations (2 for each multiply-add) of one call of a pixel-space model's graph on an image: convolutions
 * and matrix products that the hyperfeatures depend on; the rest is a few per cent. The sizes are not computed but asked
 * for: the graph is run once with the outputs of these nodes as its own.
 */
export const stepFlops = async (
	{ folder, manifest }: InstalledModel,
	image: { readonly width: number; readonly height: number },
	runtime: Runtime,
): Promise<number> => {
	if (manifest.space.kind !== 'pixel') {
		throw new Error('Only pixel-space models are counted.');
	}
	const scratch = await mkdtemp(join(tmpdir(), 'flops-'));
	try {
		// Beside its copy, because weights must lie in the folder of the graph that names them.
		const copy = join(scratch, 'weights.onnx');
		await copyFile(pathInside(folder, manifest.graph), copy);
		const model = readModel(copy);
		const outputs = model.outputs.filter(({ name }) => name === 'hyperfeatures');
		const needed = pruneUnused({ ...model, outputs });
		const nodes = needed.nodes.filter(({ opType }) => multiplying.has(opType));
		const produced = new Set(needed.nodes.flatMap((node) => node.outputs));
		const asked = new Set(nodes.flatMap((node) => [outputOf(node), ...node.inputs]));
		const values = [...asked]
			.filter((name) => produced.has(name))
			.map((name) => ({ name, typeCode: FLOAT, shape: undefined }));
		const graph = join(scratch, 'graph.onnx');
		await writeFile(graph, encodeModel({ ...needed, outputs: values }, basename));

		const { width, height } = inputSize(image, manifest.image);
		const layers = manifest.taps.length;
		const session = await runtime.load(graph);
		const feeds = {
			sample: float32(new Float32Array(3 * height * width), [1, 3, height, width]),
			timestep: float32(Float32Array.of(-1), [1]),
			mixing_weights: float32(new Float32Array(layers).fill(1 / layers), [layers]),
		};
		const wanted = new Set(session.inputs.map(({ name }) => name));
		const results = await session.run(
			Object.fromEntries(Object.entries(feeds).filter(([name]) => wanted.has(name))),
		);
		await session.release();

		const weights = new Map(needed.weights.map(({ name, dims }) => [name, dims]));
		const dimsOf = (name: string | undefined): readonly number[] => {
			const dims = weights.get(name ?? '') ?? results[name ?? '']?.dims;
			if (dims === undefined) {
				throw new Error(`The size of "${name}" is not known.`);
			}
			return dims;
		};
		return nodes.reduce((sum, node) => sum + 2 * multiplyAdds(node, dimsOf), 0);
	} finally {
		await rm(scratch, { recursive: true });
	}
};

const multiplyAdds = (node: OnnxNode, dimsOf: (name: string | undefined) => readonly number[]): number => {
	const [left, right] = node.inputs;
	const perOutput =
		// A convolution's weights are [out, in / groups, kernel height, kernel width].
		node.opType === 'Conv' ? size(dimsOf(right).slice(1)) : (dimsOf(left).at(-1) ?? 0);
	return size(dimsOf(outputOf(node))) * perOutput;
};

const outputOf = (node: OnnxNode): string => node.outputs[0] ?? '';

const size = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);
