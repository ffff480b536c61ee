import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Raster } from '../../../src/core/frame.js';
import { openExtractor } from '../../../src/features/diffusion-extractor.js';
import { preprocess } from '../../../src/features/preprocess.js';
import { featureRecipeSchema } from '../../../src/features/recipe.js';
import { importBackbone } from '../../../src/models/import/import-backbone.js';
import { buildGraph } from '../../../src/onnx/build-graph.js';
import { int, ints, type NodeSpec } from '../../../src/onnx/graph-spec.js';
import { openRuntime } from '../../../src/runtime/onnx-runtime.js';
import { float32 } from '../../../src/runtime/tensor.js';
import { maxDifference } from '../../helpers/arrays.js';
import { tinyAggregation } from '../../helpers/tiny-export.js';

const runtime = openRuntime({ device: 'cpu' });
let home: string;
beforeAll(async () => {
	home = await mkdtemp(join(tmpdir(), 'propagate-backbone-'));
});
afterAll(async () => {
	await runtime.close();
	await rm(home, { recursive: true });
});

const PATCH = 8;
const SIDE = 40;
const CELLS = SIDE / PATCH;
const WIDTH = 6;
const wave = (count: number, step: number): Float32Array =>
	Float32Array.from({ length: count }, (_, i) => Math.sin(i * step));

/**
 * A vision transformer in what matters here: patches to tokens, a class token in front, and blocks whose queries, keys
 * and values are one product, with the parameter names of the original DINO.
 */
const tinyViT = (): Uint8Array => {
	const nodes: NodeSpec[] = [
		{
			opType: 'Conv',
			inputs: ['pixel_values', 'patch_embed'],
			outputs: ['patches'],
			attributes: { kernel_shape: ints([PATCH, PATCH]), strides: ints([PATCH, PATCH]) },
		},
		{ opType: 'Reshape', inputs: ['patches', 'flat'], outputs: ['planes'] },
		{
			opType: 'Transpose',
			inputs: ['planes'],
			outputs: ['grid_tokens'],
			attributes: { perm: ints([0, 2, 1]) },
		},
		{ opType: 'Concat', inputs: ['cls', 'grid_tokens'], outputs: ['x0'], attributes: { axis: int(1) } },
	];
	for (const block of [0, 1]) {
		nodes.push(
			{ opType: 'MatMul', inputs: [`x${block}`, `onnx::MatMul_${block}`], outputs: [`product${block}`] },
			{
				opType: 'Add',
				inputs: [`blocks.${block}.attn.qkv.bias`, `product${block}`],
				outputs: [`qkv${block}`],
			},
			{ opType: 'Slice', inputs: [`qkv${block}`, 'from', 'to', 'axis'], outputs: [`value${block}`] },
			{ opType: 'Mul', inputs: [`value${block}`, `blocks.${block}.ls2.gamma`], outputs: [`scaled${block}`] },
			{ opType: 'Add', inputs: [`x${block}`, `scaled${block}`], outputs: [`x${block + 1}`] },
		);
	}
	nodes.push({ opType: 'Identity', inputs: ['x2'], outputs: ['last_hidden_state'] });
	const int64s = (...values: number[]) =>
		({ type: 'int64', data: BigInt64Array.from(values, BigInt), dims: [values.length] }) as const;
	return buildGraph({
		name: 'vit',
		opset: 14,
		inputs: [{ name: 'pixel_values', type: 'float32', shape: ['b', 3, 'h', 'w'] }],
		outputs: [{ name: 'last_hidden_state', type: 'float32' }],
		nodes,
		initializers: [
			{ name: 'patch_embed', tensor: float32(wave(WIDTH * 3 * PATCH ** 2, 0.7), [WIDTH, 3, PATCH, PATCH]) },
			{ name: 'cls', tensor: float32(new Float32Array(WIDTH).fill(99), [1, 1, WIDTH]) },
			{ name: 'flat', tensor: int64s(0, WIDTH, -1) },
			{ name: 'from', tensor: int64s(2 * WIDTH) },
			{ name: 'to', tensor: int64s(3 * WIDTH) },
			{ name: 'axis', tensor: int64s(2) },
			...[0, 1].flatMap((block) => [
				{
					name: `onnx::MatMul_${block}`,
					tensor: float32(wave(WIDTH * 3 * WIDTH, 0.3 + block), [WIDTH, 3 * WIDTH]),
				},
				{ name: `blocks.${block}.attn.qkv.bias`, tensor: float32(wave(3 * WIDTH, 0.9), [3 * WIDTH]) },
				{ name: `blocks.${block}.ls2.gamma`, tensor: float32(wave(WIDTH, 0.2), [WIDTH]) },
			]),
		],
	});
};

const description = (more: object): object => ({
	name: 'tiny-vit',
	description: 'A vision transformer for this test',
	license: 'CC0-1.0',
	image: { side: SIDE, mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] },
	layers: [1],
	find: [
		{ weight: 'encoder.layer.{layer}.attention.attention.key.bias' },
		{ weight: 'blocks.{layer}.attn.qkv.bias', part: [1, 3] },
	],
	layout: { kind: 'tokens', prefix: 1 },
	...more,
});

let count = 0;
const imported = async (more: object = {}, aggregation?: string) => {
	const graph = join(home, 'vit.onnx');
	await writeFile(graph, tinyViT());
	const backbone = join(home, `description-${count}.json`);
	await writeFile(backbone, JSON.stringify(description(more)));
	const name = `backbone-${count++}`;
	return (
		await importBackbone({ graph, backbone, aggregation, name, modelsFolder: join(home, 'models'), runtime })
	).model;
};
const picture: Raster<3> = {
	width: 64,
	height: 48,
	channels: 3,
	data: Uint8Array.from({ length: 64 * 48 * 3 }, (_, i) => (i * 7919) % 251),
};
const extract = async (model: Awaited<ReturnType<typeof imported>>, recipe: object = {}) => {
	const extractor = openExtractor(model, runtime, {
		recipe: featureRecipeSchema.parse(recipe),
	});
	const map = await extractor.extract(picture);
	expect(map.channels).toBe(extractor.channels);
	await extractor.close();
	return map;
};

/** The original network's tensor [1, 1 + n * n, C], by running it with that as an output. */
const tokensOf = async (tensor: string): Promise<{ data: Float32Array; channels: number }> => {
	const { readModel } = await import('../../../src/onnx/read-model.js');
	const { encodeModel } = await import('../../../src/onnx/write-model.js');
	const { valueFrom } = await import('../../../src/onnx/edit.js');
	const path = join(home, 'vit.onnx');
	await writeFile(path, tinyViT());
	const model = readModel(path);
	const exposed = { ...model, outputs: [valueFrom({ name: tensor, type: 'float32' as const })] };
	const exposedPath = join(home, 'exposed.onnx');
	await writeFile(
		exposedPath,
		encodeModel(exposed, () => 'vit.onnx'),
	);
	const session = await runtime.load(exposedPath);
	const pixels = preprocess(picture, {
		resize: { mode: 'fixed', width: SIDE, height: SIDE },
		mean: [0.5, 0.4, 0.3],
		std: [0.2, 0.3, 0.4],
	});
	const result = (await session.run({ pixel_values: pixels }))[tensor];
	await session.release();
	return { data: result?.data as Float32Array, channels: result?.dims[2] ?? 0 };
};
/** [C, n, n] of a part of the channels, the class token left out. */
const asMap = ({ data, channels }: { data: Float32Array; channels: number }, from: number, size: number) =>
	Float32Array.from({ length: size * CELLS ** 2 }, (_, i) => {
		const cell = i % CELLS ** 2;
		return data[(1 + cell) * channels + from + Math.floor(i / CELLS ** 2)]!;
	});

describe('a backbone described by data', () => {
	it('gives the keys of a layer as a map', async () => {
		const map = await extract(await imported());
		expect([map.channels, map.height, map.width]).toEqual([WIDTH, CELLS, CELLS]);
		expect(maxDifference(map.data, asMap(await tokensOf('qkv1'), WIDTH, WIDTH))).toBeLessThan(1e-5);
	});

	it('gives the tokens after a block', async () => {
		const find = [{ weight: 'blocks.{layer}.ls2.gamma', via: ['Add'] }];
		const map = await extract(await imported({ find, layers: [0] }));
		expect(maxDifference(map.data, asMap(await tokensOf('x1'), 0, WIDTH))).toBeLessThan(1e-5);
	});

	it('adds log-binned surroundings as Amir et al. define them', async () => {
		const map = await extract(await imported({ logBins: { levels: 2 } }));
		expect(map.channels).toBe(17 * WIDTH);
		const cells = asMap(await tokensOf('qkv1'), WIDTH, WIDTH);
		const inside = (i: number): number => Math.min(Math.max(i, 0), CELLS - 1);
		const value = (channel: number, y: number, x: number): number =>
			cells[(channel * CELLS + y) * CELLS + x]!;
		const mean = (channel: number, y: number, x: number): number => {
			const around = [-1, 0, 1]
				.flatMap((dy) => [-1, 0, 1].map((dx) => [y + dy, x + dx] as const))
				.filter(([r, c]) => r === inside(r) && c === inside(c));
			return around.reduce((sum, [r, c]) => sum + value(channel, r, c), 0) / around.length;
		};
		const expected = new Float32Array(map.data.length);
		let bin = 0;
		for (const [reach, of] of [
			[1, value],
			[3, mean],
		] as const) {
			for (const dy of [-reach, 0, reach]) {
				for (const dx of [-reach, 0, reach]) {
					if (reach > 1 && dy === 0 && dx === 0) {
						continue;
					}
					for (let i = 0; i < WIDTH * CELLS ** 2; i++) {
						const [channel, y, x] = [Math.floor(i / CELLS ** 2), Math.floor(i / CELLS) % CELLS, i % CELLS];
						expected[bin * WIDTH * CELLS ** 2 + i] = of(channel, inside(y + dy), inside(x + dx));
					}
					bin++;
				}
			}
		}
		expect(bin).toBe(17);
		expect(maxDifference(map.data, expected)).toBeLessThan(1e-5);
	});

	it('joins several layers, one after the other or by an aggregation network', async () => {
		const layers = await imported({ layers: [0, 1] });
		const both = await extract(layers);
		expect(both.channels).toBe(2 * WIDTH);
		const second = await extract(layers, { layers: [2], aggregation: 'concatenation' });
		expect(maxDifference(second.data, both.data.subarray(WIDTH * CELLS ** 2))).toBeLessThan(1e-6);

		const aggregation = join(home, 'weights.safetensors');
		const config = { output_resolution: 7 };
		await writeFile(aggregation, tinyAggregation([WIDTH, WIDTH], { steps: 1, saved: [0] }, config));
		const joined = await extract(await imported({ layers: [0, 1] }, aggregation));
		expect([joined.channels, joined.height, joined.width]).toEqual([128, 7, 7]);
		expect(joined.data.every(Number.isFinite)).toBe(true);
	});

	it('says what does not fit', async () => {
		await expect(imported({ layers: [7] })).rejects.toThrow(/no layer 7 as "tiny-vit" describes it/);
		await expect(imported({ layout: { kind: 'tokens', prefix: 2 } })).rejects.toThrow(
			/has the shape \[1, 26, 18\], which is not 2 tokens and a square/,
		);
		await expect(imported({ image: { side: 0 } })).rejects.toThrow(/description .* is not valid/);
		const aggregation = join(home, 'wrong.safetensors');
		await writeFile(aggregation, tinyAggregation([4], { steps: 1, saved: [0] }));
		await expect(imported({}, aggregation)).rejects.toThrow(/widths 4 at 1 timesteps, it has 6 at one/);
	});
});
