/**
 * A UNet of Stable Diffusion 1.5's size with random weights: what import and a step of the real model cost on this
 * machine in time and memory, without the real weights. Needs 3.5 GB of disk and about 8 GB of memory.
 *
 *   npm run build && npx tsx bench/full-size-unet.ts [--side 64] [--keep] [--folder /tmp/full-size]
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gaussianNoise } from '../src/diffusion/gaussian-noise.js';
import { formatNpy } from '../src/models/npy.js';
import { nodeFrom, valueFrom, weightFrom } from '../src/onnx/edit.js';
import { float, int, ints, type NodeSpec, string } from '../src/onnx/graph-spec.js';
import type { OnnxNode, Weight } from '../src/onnx/model.js';
import { encodeModel } from '../src/onnx/write-model.js';
import { float32 } from '../src/runtime/tensor.js';
import { tinyAggregation, writeTinyExport } from '../test/helpers/tiny-export.js';

/** Stable Diffusion 1.5. */
const WIDTHS = [320, 640, 1280, 1280];
const PROMPT = 768;
const TOKENS = 77;
const HEADS = 8;
const GROUPS = 32;
const PARAMETERS = 859_520_964;

/** Writes weights to the data file as they are asked for; the noise repeats, so it is made only once. */
class UnetWriter {
	readonly nodes: OnnxNode[] = [];
	readonly weights: Weight[] = [];
	parameters = 0;
	readonly #noise = gaussianNoise(1 << 22, 1);
	readonly #file: number;
	#offset = 0;
	#count = 0;

	constructor(readonly dataPath: string) {
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
		const shift = this.linear(`${name}.time_emb_proj`, this.silu(time), 1280, to);
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

const writeUnet = (folder: string, side: number): void => {
	const g = new UnetWriter(join(folder, 'model.onnx_data'));
	const frequencies = Float32Array.from({ length: 160 }, (_, i) => Math.exp((-Math.log(10000) * i) / 160));
	g.weights.push(weightFrom({ name: 'frequencies', tensor: float32(frequencies, [1, 160]) }));
	const angles = g.op('Mul', [g.op('Reshape', ['timestep', g.shape(1, 1)]), 'frequencies']);
	const sinusoid = g.op('Concat', [g.op('Cos', [angles]), g.op('Sin', [angles])], { axis: int(1) });
	const embedded = g.silu(g.linear('time_embedding.linear_1', sinusoid, 320, 1280));
	const time = g.linear('time_embedding.linear_2', embedded, 1280, 1280);

	let x = g.conv('conv_in', 'sample', 4, 320);
	let width = 320;
	let at = side;
	const skips = [{ x, width }];
	for (const [block, to] of WIDTHS.entries()) {
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
	for (const [block, to] of WIDTHS.toReversed().entries()) {
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
	const out = g.conv('conv_out', g.silu(g.groupNorm('conv_norm_out', x, 320, at)), 320, 4);
	g.nodes.push(nodeFrom({ opType: 'Identity', inputs: [out], outputs: ['out_sample'] }));
	g.close();
	if (g.parameters !== PARAMETERS) {
		throw new Error(`${g.parameters} parameters; Stable Diffusion 1.5 has ${PARAMETERS}.`);
	}
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
};

/** Kills the child when it grows past this, rather than let the machine swap. */
const MEMORY_LIMIT_KB = 9_000_000;

type Measured = { readonly seconds: number; readonly peakMegabytes: number; readonly stdout: string };

const measure = (args: readonly string[], env: NodeJS.ProcessEnv): Promise<Measured> =>
	new Promise((resolve, reject) => {
		const started = performance.now();
		const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
		let peak = 0;
		let stdout = '';
		child.stdout.on('data', (chunk: Buffer) => {
			stdout += chunk.toString();
		});
		const watch = setInterval(() => {
			try {
				const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
				peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
				if (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) > MEMORY_LIMIT_KB) {
					child.kill('SIGKILL');
				}
			} catch {
				// It has just ended.
			}
		}, 100);
		child.on('close', (code) => {
			clearInterval(watch);
			const measured = { seconds: (performance.now() - started) / 1000, peakMegabytes: peak / 1024, stdout };
			if (code === 0) {
				resolve(measured);
			} else {
				reject(new Error(`ended with ${code} at ${measured.peakMegabytes.toFixed(0)} MB`));
			}
		});
	});

const { values } = parseArgs({
	options: {
		side: { type: 'string', default: '64' },
		folder: { type: 'string', default: join(tmpdir(), 'propagate-full-size') },
		keep: { type: 'boolean', default: false },
	},
});
const side = Number(values.side);
const exportFolder = join(values.folder, 'export');
const env = { ...process.env, PROPAGATE_HOME: join(values.folder, 'home') };
const program = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
try {
	await writeTinyExport(exportFolder, new Uint8Array());
	for (const part of ['vae_decoder', 'text_encoder', 'tokenizer']) {
		rmSync(join(exportFolder, part), { recursive: true });
	}
	mkdirSync(join(exportFolder, 'unet'), { recursive: true });
	writeFileSync(join(exportFolder, 'unet', 'config.json'), JSON.stringify({ sample_size: side }));
	const started = performance.now();
	writeUnet(join(exportFolder, 'unet'), side);
	console.log(
		`wrote ${PARAMETERS} random parameters in ${((performance.now() - started) / 1000).toFixed(0)} s`,
	);
	const prompt = join(values.folder, 'prompt.npy');
	writeFileSync(prompt, formatNpy(gaussianNoise(TOKENS * PROMPT, 2), [1, TOKENS, PROMPT]));
	const aggregation = join(values.folder, 'aggregation.safetensors');
	const widths = [1280, 1280, 1280, 1280, 1280, 1280, 640, 640, 640, 320, 320, 320];
	const saved = [49, 45, 40, 35, 30, 25, 20, 15, 10, 5, 0];
	const config = { output_resolution: side };
	writeFileSync(aggregation, tinyAggregation(widths, { steps: 50, saved }, config, 384));

	const imported = await measure(
		[
			program,
			'models',
			'import',
			exportFolder,
			'--aggregation',
			aggregation,
			'--empty-prompt',
			prompt,
			'--name',
			'full',
		],
		env,
	);
	console.log(`import: ${imported.seconds.toFixed(1)} s, ${imported.peakMegabytes.toFixed(0)} MB`);
	const steps = await measure(
		[
			'--import',
			'tsx',
			fileURLToPath(new URL('full-size-steps.ts', import.meta.url)),
			join(values.folder, 'home/models/full'),
		],
		env,
	);
	process.stdout.write(steps.stdout);
	console.log(`steps: peak ${steps.peakMegabytes.toFixed(0)} MB`);
} finally {
	if (!values.keep) {
		rmSync(values.folder, { recursive: true, force: true });
	}
}
