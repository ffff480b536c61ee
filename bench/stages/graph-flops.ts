import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathInside } from '../../src/core/path-inside.js';
import { inputSize } from '../../src/features/preprocess.js';
import type { InstalledModel } from '../../src/models/model-folder.js';
import { nodeFrom, pruneUnused, valueFrom } from '../../src/onnx/edit.js';
import type { OnnxNode } from '../../src/onnx/model.js';
import { readModel } from '../../src/onnx/read-model.js';
import { encodeModel } from '../../src/onnx/write-model.js';
import type { Runtime } from '../../src/runtime/session.js';
import { float32 } from '../../src/runtime/tensor.js';

/** Where a multiplying node has its weights; those without are products of two tensors. */
const weightInputs: Readonly<Record<string, number>> = { Conv: 1, QLinearConv: 3 };
const floatOps = ['Conv', 'MatMul', 'Gemm'];
const eightBitOps = ['QLinearConv'];

type Size = { readonly width: number; readonly height: number };

/**
 * Floating-point operations (2 for each multiply-add) of one call of a pixel-space model's graph on an image: convolutions
 * and matrix products that the hyperfeatures depend on; the rest is a few per cent.
 */
export const stepFlops = (model: InstalledModel, image: Size, runtime: Runtime): Promise<number> =>
	countFlops(model, model.manifest.graph, floatOps, image, runtime);

/**
 * The same operations by the precision in which the model's graph for CPUs does them. What that graph does beyond the
 * model's own products, such as resizing by matrices, is not counted.
 */
export const fastStepFlops = async (
	model: InstalledModel,
	image: Size,
	runtime: Runtime,
): Promise<{ readonly float32: number; readonly int8: number }> => {
	const all = await stepFlops(model, image, runtime);
	const { fastGraph } = model.manifest;
	const int8 = fastGraph === undefined ? 0 : await countFlops(model, fastGraph, eightBitOps, image, runtime);
	return { float32: all - int8, int8 };
};

/** The sizes are not computed but asked for: the graph is run once with the shapes around the counted nodes as its outputs. */
const countFlops = async (
	{ folder, manifest }: InstalledModel,
	graphFile: string,
	counted: readonly string[],
	image: Size,
	runtime: Runtime,
): Promise<number> => {
	if (manifest.space.kind !== 'pixel') {
		throw new Error('Only pixel-space models are counted.');
	}
	const scratch = await mkdtemp(join(tmpdir(), 'flops-'));
	try {
		// Beside its copy, because weights must lie in the folder of the graph that names them.
		const copy = join(scratch, 'weights.onnx');
		await copyFile(pathInside(folder, graphFile), copy);
		const model = readModel(copy);
		const needed = pruneUnused({
			...model,
			outputs: model.outputs.filter(({ name }) => name === 'hyperfeatures'),
		});
		const nodes = needed.nodes.filter(({ opType }) => counted.includes(opType));
		const produced = new Set(needed.nodes.flatMap((node) => node.outputs));
		const asked = new Set(nodes.flatMap((node) => [outputOf(node), ...node.inputs]));
		const names = [...asked].filter((name) => produced.has(name));
		const shapes = names.map((name) =>
			nodeFrom({ opType: 'Shape', inputs: [name], outputs: [shapeOf(name)] }),
		);
		const outputs = names.map((name) => valueFrom({ name: shapeOf(name), type: 'int64' }));
		const graph = join(scratch, 'graph.onnx');
		const asking = { ...needed, nodes: [...needed.nodes, ...shapes], outputs };
		await writeFile(graph, encodeModel(asking, basename));

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
		const dimsOf = (name = ''): readonly number[] => {
			const shape = results[shapeOf(name)];
			const dims = weights.get(name) ?? (shape && Array.from(shape.data, Number));
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
	const weights = weightInputs[node.opType];
	const perOutput =
		// A convolution's weights are [out, in / groups, kernel height, kernel width].
		weights === undefined
			? (dimsOf(node.inputs[0]).at(-1) ?? 0)
			: size(dimsOf(node.inputs[weights]).slice(1));
	return size(dimsOf(outputOf(node))) * perOutput;
};

const outputOf = (node: OnnxNode): string => node.outputs[0] ?? '';

const shapeOf = (name: string): string => `shape of ${name}`;

const size = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);
