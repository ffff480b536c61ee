import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gaussianNoise } from '../../src/features/gaussian-noise.js';
import { buildGraph } from '../../src/onnx/build-graph.js';
import {
	type GraphValue,
	type InitializerSpec,
	int,
	ints,
	type NodeSpec,
	string,
} from '../../src/onnx/graph-spec.js';
import { float32, type Tensor } from '../../src/runtime/tensor.js';

/** Latents of 8 x 8 for images of 64 x 64, and descriptors of 128 channels: the smallest the architecture allows. */
export const tiny = {
	latentSide: 8,
	imageSide: 64,
	channels: 4,
	width: 8,
	promptWidth: 6,
	descriptor: 128,
} as const;

export type TinyNames = 'scoped' | 'weights' | 'underscores' | 'anonymous' | 'clashing';

let seed = 1;
const random = (dims: readonly number[], scale: number): Tensor =>
	float32(
		gaussianNoise(
			dims.reduce((a, b) => a * b, 1),
			seed++,
		).map((value) => value * scale),
		dims,
	);

class GraphBuilder {
	readonly nodes: NodeSpec[] = [];
	readonly initializers: InitializerSpec[] = [];
	#count = 0;

	constructor(readonly names: TinyNames) {}

	add(
		opType: string,
		inputs: string[],
		attributes: NodeSpec['attributes'] = {},
		output = `t${this.#count++}`,
	): string {
		this.nodes.push({ opType, inputs, outputs: [output], attributes });
		return output;
	}

	weight(name: string, tensor: Tensor): string {
		this.initializers.push({ name, tensor });
		return name;
	}

	/** A convolution named as the exporters name it that this graph stands for. */
	conv(scope: string, input: string, from: number, to: number, kernel = 3, stride = 1): string {
		const id = this.#count++;
		const dotted = scope.replaceAll('/', '.');
		const weightName = {
			scoped: `onnx::Conv_${id}`,
			weights: `unet.${dotted}.weight`,
			underscores: `p_${dotted.replaceAll('.', '_')}_weight`,
			anonymous: `w${id}`,
			// Names that we want for ourselves.
			clashing: scope.startsWith('mid_block/resnets.0/conv1') ? 'mixing_weights' : `w${id}`,
		}[this.names];
		const clashes = this.names === 'clashing' && scope === 'up_blocks.1/resnets.1/conv2';
		const output = this.names === 'scoped' ? `/${scope}/Conv_output_0` : clashes ? 'hyperfeatures' : `c${id}`;
		const weight = this.weight(
			weightName,
			random([to, from, kernel, kernel], 1 / Math.sqrt(from * kernel ** 2)),
		);
		const side = (kernel - 1) / 2;
		return this.add(
			'Conv',
			[input, weight],
			{
				kernel_shape: ints([kernel, kernel]),
				pads: ints([side, side, side, side]),
				strides: ints([stride, stride]),
			},
			output,
		);
	}

	resnet(scope: string, input: string, time: string): string {
		const { width } = tiny;
		const inner = this.add('Add', [
			this.conv(`${scope}/conv1`, this.add('Tanh', [input]), width, width),
			time,
		]);
		return this.add('Add', [input, this.conv(`${scope}/conv2`, this.add('Tanh', [inner]), width, width)]);
	}

	upsampled(input: string): string {
		const scales = this.weight(`scales${this.#count++}`, float32(Float32Array.of(1, 1, 2, 2), [4]));
		return this.add('Resize', [input, '', scales], { mode: string('nearest') });
	}

	build(inputs: readonly GraphValue[], outputs: readonly string[]): Uint8Array {
		return buildGraph({
			name: 'main',
			opset: 14,
			inputs,
			outputs: outputs.map((name) => ({ name, type: 'float32' })),
			nodes: this.nodes,
			initializers: this.initializers,
		});
	}
}

/** A UNet with Stable Diffusion's topology as far as the taps go: 8 + 2 + 12 resnets, int64 timestep, a prompt. */
export const tinyUnet = (names: TinyNames = 'weights'): Uint8Array => {
	seed = 1;
	const { width, channels, promptWidth } = tiny;
	const g = new GraphBuilder(names);
	const scale = g.weight('per_step', float32(Float32Array.of(1e-3), []));
	const t = g.add('Mul', [g.add('Cast', ['timestep'], { to: int(1) }), scale]);
	const prompt = g.add('ReduceMean', ['encoder_hidden_states'], { keepdims: int(0) });
	const time = g.add('Add', [t, prompt]);
	let x = g.conv('conv_in', 'sample', channels, width);
	for (let block = 0; block < 4; block++) {
		for (let resnet = 0; resnet < 2; resnet++) {
			x = g.resnet(`down_blocks.${block}/resnets.${resnet}`, x, time);
		}
		x = block < 3 ? g.conv(`down_blocks.${block}/downsamplers.0/conv`, x, width, width, 3, 2) : x;
	}
	x = g.resnet('mid_block/resnets.1', g.resnet('mid_block/resnets.0', x, time), time);
	for (let block = 0; block < 4; block++) {
		for (let resnet = 0; resnet < 3; resnet++) {
			x = g.resnet(`up_blocks.${block}/resnets.${resnet}`, x, time);
		}
		x = block < 3 ? g.conv(`up_blocks.${block}/upsamplers.0/conv`, g.upsampled(x), width, width) : x;
	}
	const output = names === 'clashing' ? 'noise_pred' : 'out_sample';
	g.nodes.push({
		opType: 'Identity',
		inputs: [g.conv('conv_out', x, width, channels)],
		outputs: [output],
	});
	return g.build(
		[
			{ name: 'sample', type: 'float32', shape: ['b', channels, 'h', 'w'] },
			{ name: 'timestep', type: 'int64', shape: [] },
			{ name: 'encoder_hidden_states', type: 'float32', shape: ['b', 'tokens', promptWidth] },
		],
		[output],
	);
};

const tinyEncoder = (): Uint8Array => {
	const g = new GraphBuilder('anonymous');
	const mean = g.conv('encoder', 'sample', 3, 2 * tiny.channels, 1, 8);
	g.nodes.push({ opType: 'Identity', inputs: [mean], outputs: ['latent_parameters'] });
	return g.build([{ name: 'sample', type: 'float32', shape: ['b', 3, 'h', 'w'] }], ['latent_parameters']);
};

const tinyDecoder = (): Uint8Array => {
	const g = new GraphBuilder('anonymous');
	const scales = g.weight('scales', float32(Float32Array.of(1, 1, 8, 8), [4]));
	const small = g.conv('decoder', 'latent_sample', tiny.channels, 3, 1);
	g.nodes.push({
		opType: 'Resize',
		inputs: [small, '', scales],
		outputs: ['sample'],
		attributes: { mode: string('nearest') },
	});
	return g.build([{ name: 'latent_sample', type: 'float32', shape: ['b', 4, 'h', 'w'] }], ['sample']);
};

const VOCABULARY = [
	'<|startoftext|>',
	'<|endoftext|>',
	...'abcdefghijklmnopqrstuvwxyz',
	...'abcdefghijklmnopqrstuvwxyz',
].map((token, i) => [i > 27 ? `${token}</w>` : token, i] as const);

const tinyTextEncoder = (): Uint8Array => {
	const g = new GraphBuilder('anonymous');
	const table = g.weight('table', random([VOCABULARY.length, tiny.promptWidth], 1));
	g.nodes.push({ opType: 'Gather', inputs: [table, 'input_ids'], outputs: ['last_hidden_state'] });
	return g.build([{ name: 'input_ids', type: 'int32', shape: ['b', 'tokens'] }], ['last_hidden_state']);
};

/** Writes a whole export of random weights in the layout of diffusers. */
export const writeTinyExport = async (folder: string, unet = tinyUnet()): Promise<string> => {
	const files: Record<string, string | Uint8Array> = {
		'unet/model.onnx': unet,
		'unet/config.json': JSON.stringify({ sample_size: tiny.latentSide }),
		'vae_encoder/model.onnx': tinyEncoder(),
		'vae_encoder/config.json': JSON.stringify({ scaling_factor: 0.5 }),
		'vae_decoder/model.onnx': tinyDecoder(),
		'text_encoder/model.onnx': tinyTextEncoder(),
		'tokenizer/vocab.json': JSON.stringify(Object.fromEntries(VOCABULARY)),
		'tokenizer/merges.txt': '#version: 0.2\n',
	};
	for (const [name, content] of Object.entries(files)) {
		await mkdir(dirname(join(folder, name)), { recursive: true });
		await writeFile(join(folder, name), content);
	}
	return folder;
};

type Parameters = Record<string, { shape: number[]; data: Float32Array }>;

/** A `.safetensors` file. */
export const safetensors = (parameters: Parameters, config: object): Uint8Array => {
	let offset = 0;
	const header: Record<string, unknown> = { __metadata__: { config: JSON.stringify(config) } };
	for (const [name, { shape, data }] of Object.entries(parameters)) {
		header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
		offset += data.byteLength;
	}
	const text = Buffer.from(JSON.stringify(header));
	const length = Buffer.alloc(8);
	length.writeBigUInt64LE(BigInt(text.length));
	return Buffer.concat([
		length,
		text,
		...Object.values(parameters).map(
			({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
		),
	]);
};

/** Random aggregation weights as the paper's network names them. */
export const tinyAggregation = (
	widths: readonly number[],
	{ steps, saved }: { readonly steps: number; readonly saved: readonly number[] },
	config: object = {},
	descriptor: number = tiny.descriptor,
): Uint8Array => {
	seed = 1000;
	const inner = descriptor / 4;
	const parameters: Parameters = {};
	const add = (name: string, shape: number[], scale: number, base = 0): void => {
		const data = random(shape, scale).data as Float32Array;
		parameters[name] = { shape, data: data.map((value) => value + base) };
	};
	const convNorm = (name: string, to: number, from: number, kernel: number): void => {
		add(`${name}.weight`, [to, from, kernel, kernel], 1 / Math.sqrt(from * kernel ** 2));
		add(`${name}.norm.weight`, [to], 0.1, 1);
		add(`${name}.norm.bias`, [to], 0.1);
	};
	add('mixing_weights', [saved.length * widths.length], 0.5, 1);
	for (const [layer, width] of widths.entries()) {
		const name = `bottleneck_layers.${layer}.0`;
		convNorm(`${name}.shortcut`, descriptor, width, 1);
		convNorm(`${name}.conv1`, inner, width, 1);
		convNorm(`${name}.conv2`, inner, inner, 3);
		convNorm(`${name}.conv3`, descriptor, inner, 1);
	}
	return safetensors(parameters, {
		num_timesteps: steps,
		save_timestep: saved,
		output_resolution: tiny.latentSide,
		...config,
	});
};

export const tinyWidths: readonly number[] = Array(12).fill(tiny.width);
