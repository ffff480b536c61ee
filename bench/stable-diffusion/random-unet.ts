import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gaussianNoise } from '../../src/features/gaussian-noise.js';
import { nodeFrom, valueFrom, weightFrom } from '../../src/onnx/edit.js';
import { float, int, ints, type NodeSpec, string } from '../../src/onnx/graph-spec.js';
import type { OnnxNode, Weight } from '../../src/onnx/model.js';
import { encodeModel } from '../../src/onnx/write-model.js';
import { float32 } from '../../src/runtime/tensor.js';
import { formatNpy } from '../../src/store/npy.js';
import { tinyAggregation, writeTinyExport } from '../../test/helpers/tiny-export.js';

/** Channels of the first level of Stable Diffusion 1.5's UNet; the levels have 1, 2, 4 and 4 times as many. */
export const FULL_WIDTH = 320;
const MULTIPLES = [1, 2, 4, 4];
/** Prompt embeddings, as of Stable Diffusion 1.5. */
export const PROMPT = 768;
export const TOKENS = 77;
const HEADS = 8;
const GROUPS = 32;
/** Descriptor channels of the published aggregation networks. */
const DESCRIPTOR = 384;

export type RandomExport = {
	/** Folder in the layout of diffusers, with the UNet in `unet/model.onnx`. */
	readonly folder: string;
	readonly prompt: string;
	readonly aggregation: string;
	readonly parameters: number;
};

/**
 * Writes an export of Stable Diffusion 1.5's architecture with random weights, and an aggregation network for it.
 *
 * @param side latents, a multiple of 8: 64 for images of 512 pixels
 * @param width channels of the first level, a multiple of 32: {@link FULL_WIDTH} for the full size
 */
export const writeRandomExport = async (
	folder: string,
	side: number,
	width: number,
): Promise<RandomExport> => {
	const exported = join(folder, 'export');
	await writeTinyExport(exported, new Uint8Array());
	for (const part of ['vae_decoder', 'text_encoder', 'tokenizer']) {
		rmSync(join(exported, part), { recursive: true });
	}
	mkdirSync(join(exported, 'unet'), { recursive: true });
	writeFileSync(join(exported, 'unet', 'config.json'), JSON.stringify({ sample_size: side }));
	const parameters = writeUnet(join(exported, 'unet'), side, width);
	const prompt = join(folder, 'prompt.npy');
	writeFileSync(prompt, formatNpy(gaussianNoise(TOKENS * PROMPT, 2), [1, TOKENS, PROMPT]));
	const aggregation = join(folder, 'aggregation.safetensors');
	const widths = [4, 4, 4, 4, 4, 4, 2, 2, 2, 1, 1, 1].map((multiple) => multiple * width);
	const saved = [49, 45, 40, 35, 30, 25, 20, 15, 10, 5, 0];
	const config = { output_resolution: side };
	writeFileSync(aggregation, tinyAggregation(widths, { steps: 50, saved }, config, DESCRIPTOR));
	return { folder: exported, prompt, aggregation, parameters };
};

/** Writes weights to the data file as they are asked for; the noise repeats, so it is made only once. */
class UnetWriter {
	readonly nodes: OnnxNode[] = [];
	readonly weights: Weight[] = [];
	parameters = 0;
	readonly #noise = gaussianNoise(1 << 22, 1);
	readonly #file: number;
	#offset = 0;
	#count = 0;

	/** @param timeWidth channels of the embedded timestep */
	constructor(
		readonly dataPath: string,
		readonly timeWidth: number,
	) {
		this.#file = openSync(dataPath, 'w');
	}

	close(): void {
		closeSync(this.#file);
	}

	op(opType: string, inputs: string[], attributes: NodeSpec['attributes'] = {}): string {
		const output = `t${this.#count++}`;
		this.nodes.push(nodeFrom({ opType, inputs, outputs: [output], attributes }));
		return output;
	}

	weight(name: string, dims: number[], scale: number, base = 0): string {
		const count = dims.reduce((a, b) => a * b, 1);
		for (let start = 0; start < count; start += this.#noise.length) {
			const part = this.#noise
				.subarray(0, Math.min(this.#noise.length, count - start))
				.map((x) => base + x * scale);
			writeSync(this.#file, part);
		}
		this.weights.push({
			name,
			typeCode: 1,
			dims,
			data: { kind: 'file', path: this.dataPath, offset: this.#offset, length: count * 4 },
		});
		this.#offset += count * 4;
		this.parameters += count;
		return name;
	}

	shape(...sizes: number[]): string {
		const name = `shape_${sizes.join('_')}`;
		if (!this.weights.some((weight) => weight.name === name)) {
			const tensor = {
				type: 'int64',
				data: BigInt64Array.from(sizes, BigInt),
				dims: [sizes.length],
			} as const;
			this.weights.push(weightFrom({ name, tensor }));
		}
		return name;
	}

	scalar(value: number): string {
		const name = `scalar_${value}`;
		if (!this.weights.some((weight) => weight.name === name)) {
			this.weights.push(weightFrom({ name, tensor: float32(Float32Array.of(value), []) }));
		}
		return name;
	}

	conv(name: string, x: string, from: number, to: number, kernel = 3, stride = 1): string {
		const weight = this.weight(
			`${name}.weight`,
			[to, from, kernel, kernel],
			0.7 / Math.sqrt(from * kernel ** 2),
		);
		const bias = this.weight(`${name}.bias`, [to], 0.01);
		const pad = (kernel - 1) / 2;
		return this.op('Conv', [x, weight, bias], {
			kernel_shape: ints([kernel, kernel]),
			pads: ints([pad, pad, pad, pad]),
			strides: ints([stride, stride]),
		});
	}

	linear(name: string, x: string, from: number, to: number, bias = true): string {
		const product = this.op('MatMul', [x, this.weight(`${name}.weight`, [from, to], 0.7 / Math.sqrt(from))]);
		return bias ? this.op('Add', [product, this.weight(`${name}.bias`, [to], 0.01)]) : product;
	}

	silu(x: string): string {
		return this.op('Mul', [x, this.op('Sigmoid', [x])]);
	}

	groupNorm(name: string, x: string, channels: number, side: number): string {
		const ones = 'group_ones';
		if (!this.weights.some((weight) => weight.name === ones)) {
			this.weights.push(
				weightFrom({ name: ones, tensor: float32(new Float32Array(GROUPS).fill(1), [GROUPS]) }),
			);
			this.weights.push(
				weightFrom({ name: 'group_zeros', tensor: float32(new Float32Array(GROUPS), [GROUPS]) }),
			);
		}
		const grouped = this.op('Reshape', [x, this.shape(0, GROUPS, -1)]);
		const standard = this.op('InstanceNormalization', [grouped, ones, 'group_zeros'], {
			epsilon: float(1e-5),
		});
		const back = this.op('Reshape', [standard, this.shape(1, channels, side, side)]);
		const scaled = this.op('Mul', [back, this.weight(`${name}.weight`, [channels, 1, 1], 0.05, 1)]);
		return this.op('Add', [scaled, this.weight(`${name}.bias`, [channels, 1, 1], 0.01)]);
	}

	layerNorm(name: string, x: string, width: number): string {
		const scale = this.weight(`${name}.weight`, [width], 0.05, 1);
		return this.op('LayerNormalization', [x, scale, this.weight(`${name}.bias`, [width], 0.01)], {
			axis: int(-1),
			epsilon: float(1e-5),
		});
	}

	resnet(name: string, x: string, time: string, from: number, to: number, side: number): string {
		let h = this.conv(`${name}.conv1`, this.silu(this.groupNorm(`${name}.norm1`, x, from, side)), from, to);
		const shift = this.linear(`${name}.time_emb_proj`, this.silu(time), this.timeWidth, to);
		h = this.op('Add', [h, this.op('Reshape', [shift, this.shape(1, to, 1, 1)])]);
		h = this.conv(`${name}.conv2`, this.silu(this.groupNorm(`${name}.norm2`, h, to, side)), to, to);
		return this.op('Add', [from === to ? x : this.conv(`${name}.conv_shortcut`, x, from, to, 1), h]);
	}

	attention(name: string, x: string, context: string, width: number, contextWidth: number): string {
		const heads = (input: string, perm: number[]): string =>
			this.op('Transpose', [this.op('Reshape', [input, this.shape(1, -1, HEADS, width / HEADS)])], {
				perm: ints(perm),
			});
		const query = heads(this.linear(`${name}.to_q`, x, width, width, false), [0, 2, 1, 3]);
		const key = heads(this.linear(`${name}.to_k`, context, contextWidth, width, false), [0, 2, 3, 1]);
		const value = heads(this.linear(`${name}.to_v`, context, contextWidth, width, false), [0, 2, 1, 3]);
		const scores = this.op('Mul', [
			this.op('MatMul', [query, key]),
			this.scalar(1 / Math.sqrt(width / HEADS)),
		]);
		const mixed = this.op('MatMul', [this.op('Softmax', [scores], { axis: int(-1) }), value]);
		const joined = this.op('Transpose', [mixed], { perm: ints([0, 2, 1, 3]) });
		return this.linear(
			`${name}.to_out.0`,
			this.op('Reshape', [joined, this.shape(1, -1, width)]),
			width,
			width,
		);
	}

	transformer(name: string, x: string, width: number, side: number): string {
		const input = this.conv(
			`${name}.proj_in`,
			this.groupNorm(`${name}.norm`, x, width, side),
			width,
			width,
			1,
		);
		const block = `${name}.transformer_blocks.0`;
		const flat = this.op('Reshape', [input, this.shape(1, width, side * side)]);
		let h = this.op('Transpose', [flat], { perm: ints([0, 2, 1]) });
		const own = this.layerNorm(`${block}.norm1`, h, width);
		h = this.op('Add', [h, this.attention(`${block}.attn1`, own, own, width, width)]);
		const asked = this.layerNorm(`${block}.norm2`, h, width);
		h = this.op('Add', [h, this.attention(`${block}.attn2`, asked, 'encoder_hidden_states', width, PROMPT)]);
		const wide = this.linear(
			`${block}.ff.net.0.proj`,
			this.layerNorm(`${block}.norm3`, h, width),
			width,
			8 * width,
		);
		const half = (start: number): string =>
			this.op('Slice', [
				wide,
				this.shape(start * 4 * width),
				this.shape((start + 1) * 4 * width),
				this.shape(2),
			]);
		const gate = half(1);
		const erf = this.op('Erf', [this.op('Mul', [gate, this.scalar(Math.SQRT1_2)])]);
		const gelu = this.op('Mul', [
			this.op('Mul', [gate, this.scalar(0.5)]),
			this.op('Add', [erf, this.scalar(1)]),
		]);
		h = this.op('Add', [
			h,
			this.linear(`${block}.ff.net.2`, this.op('Mul', [half(0), gelu]), 4 * width, width),
		]);
		const back = this.op('Reshape', [
			this.op('Transpose', [h], { perm: ints([0, 2, 1]) }),
			this.shape(1, width, side, side),
		]);
		return this.op('Add', [this.conv(`${name}.proj_out`, back, width, width, 1), x]);
	}
}

/** @returns the number of parameters */
const writeUnet = (folder: string, side: number, base: number): number => {
	const g = new UnetWriter(join(folder, 'model.onnx_data'), 4 * base);
	const half = base / 2;
	const frequencies = Float32Array.from({ length: half }, (_, i) => Math.exp((-Math.log(10000) * i) / half));
	g.weights.push(weightFrom({ name: 'frequencies', tensor: float32(frequencies, [1, half]) }));
	const angles = g.op('Mul', [g.op('Reshape', ['timestep', g.shape(1, 1)]), 'frequencies']);
	const sinusoid = g.op('Concat', [g.op('Cos', [angles]), g.op('Sin', [angles])], { axis: int(1) });
	const embedded = g.silu(g.linear('time_embedding.linear_1', sinusoid, base, g.timeWidth));
	const time = g.linear('time_embedding.linear_2', embedded, g.timeWidth, g.timeWidth);

	let x = g.conv('conv_in', 'sample', 4, base);
	let width = base;
	let at = side;
	const skips = [{ x, width }];
	const levels = MULTIPLES.map((multiple) => multiple * base);
	for (const [block, to] of levels.entries()) {
		for (let i = 0; i < 2; i++) {
			x = g.resnet(`down_blocks.${block}.resnets.${i}`, x, time, width, to, at);
			width = to;
			x = block < 3 ? g.transformer(`down_blocks.${block}.attentions.${i}`, x, width, at) : x;
			skips.push({ x, width });
		}
		if (block < 3) {
			x = g.conv(`down_blocks.${block}.downsamplers.0.conv`, x, width, width, 3, 2);
			at /= 2;
			skips.push({ x, width });
		}
	}
	x = g.resnet('mid_block.resnets.0', x, time, width, width, at);
	x = g.transformer('mid_block.attentions.0', x, width, at);
	x = g.resnet('mid_block.resnets.1', x, time, width, width, at);
	const scales = weightFrom({ name: 'scales', tensor: float32(Float32Array.of(1, 1, 2, 2), [4]) });
	g.weights.push(scales);
	for (const [block, to] of levels.toReversed().entries()) {
		for (let i = 0; i < 3; i++) {
			const skip = skips.pop();
			const joined = g.op('Concat', [x, skip?.x ?? ''], { axis: int(1) });
			x = g.resnet(`up_blocks.${block}.resnets.${i}`, joined, time, width + (skip?.width ?? 0), to, at);
			width = to;
			x = block > 0 ? g.transformer(`up_blocks.${block}.attentions.${i}`, x, width, at) : x;
		}
		if (block < 3) {
			const large = g.op('Resize', [x, '', 'scales'], { mode: string('nearest') });
			x = g.conv(`up_blocks.${block}.upsamplers.0.conv`, large, width, width);
			at *= 2;
		}
	}
	const out = g.conv('conv_out', g.silu(g.groupNorm('conv_norm_out', x, base, at)), base, 4);
	g.nodes.push(nodeFrom({ opType: 'Identity', inputs: [out], outputs: ['out_sample'] }));
	g.close();
	const model = {
		irVersion: 8,
		opsets: [{ domain: '', version: 17 }],
		functions: [],
		nodes: g.nodes,
		weights: g.weights,
		inputs: [
			valueFrom({ name: 'sample', type: 'float32', shape: [1, 4, side, side] }),
			valueFrom({ name: 'timestep', type: 'float32', shape: [1] }),
			valueFrom({ name: 'encoder_hidden_states', type: 'float32', shape: [1, TOKENS, PROMPT] }),
		],
		outputs: [valueFrom({ name: 'out_sample', type: 'float32' })],
	};
	writeFileSync(
		join(folder, 'model.onnx'),
		encodeModel(model, () => 'model.onnx_data'),
	);
	return g.parameters;
};
