import type { GridSize } from '../../core/size.js';
import { float, graph, type InitializerSpec, ints, type NodeSpec, string } from '../../onnx/graph-spec.js';
import { float32, type Tensor } from '../../runtime/tensor.js';
import type { AggregationNetwork, Bottleneck, ConvNorm } from '../checkpoint/aggregation-network.js';

/** GroupNorm of the published network (archs/detectron2/resnet.py). */
const GROUPS = 32;
const EPSILON = 1e-5;

/** Prefix of every name that is added to a model's graph. */
const PREFIX = 'propagate';

type AddedGraph = {
	readonly nodes: readonly NodeSpec[];
	readonly initializers: readonly InitializerSpec[];
};

const int64s = (...values: number[]): Tensor => ({
	type: 'int64',
	data: BigInt64Array.from(values, BigInt),
	dims: [values.length],
});

const convNormWeights = (name: string, { weight, scale, shift }: ConvNorm): InitializerSpec[] => {
	const channels = scale.shape[0] ?? 0;
	return [
		{ name: `${name}/weight`, tensor: float32(weight.data, weight.shape) },
		{ name: `${name}/scale`, tensor: float32(scale.data, [1, channels, 1, 1]) },
		{ name: `${name}/shift`, tensor: float32(shift.data, [1, channels, 1, 1]) },
	];
};

/** The group normalisation at the end of a {@link ConvNorm}; ONNX has none before opset 18. */
const groupNorm = (name: string, input: string, channels: number): NodeSpec[] => [
	{ opType: 'Reshape', inputs: [input, `${PREFIX}/groups`], outputs: [`${name}/grouped`] },
	{
		opType: 'InstanceNormalization',
		inputs: [`${name}/grouped`, `${PREFIX}/ones`, `${PREFIX}/zeros`],
		outputs: [`${name}/standardised`],
		attributes: { epsilon: float(EPSILON) },
	},
	{
		opType: 'Reshape',
		inputs: [`${name}/standardised`, `${PREFIX}/map_${channels}`],
		outputs: [`${name}/ungrouped`],
	},
	{ opType: 'Mul', inputs: [`${name}/ungrouped`, `${name}/scale`], outputs: [`${name}/scaled`] },
	{ opType: 'Add', inputs: [`${name}/scaled`, `${name}/shift`], outputs: [`${name}/normalised`] },
];

const conv = (name: string, input: string, kernel: 1 | 3): NodeSpec => ({
	opType: 'Conv',
	inputs: [input, `${name}/weight`],
	outputs: [`${name}/convolved`],
	attributes: { kernel_shape: ints([kernel, kernel]), pads: ints(Array(4).fill(kernel === 3 ? 1 : 0)) },
});

const resize = (input: string, output: string, channels: number): NodeSpec => ({
	opType: 'Resize',
	inputs: [input, '', '', `${PREFIX}/map_${channels}`],
	outputs: [output],
	attributes: { mode: string('linear'), coordinate_transformation_mode: string('half_pixel') },
});

const relu = (input: string, output: string): NodeSpec => ({
	opType: 'Relu',
	inputs: [input],
	outputs: [output],
});

const channelsOf = ({ scale }: ConvNorm): number => scale.shape[0] ?? 0;

/**
 * A bottleneck on the tap's own grid up to the first convolutions, then on the output grid: a 1x1 convolution
 * commutes with bilinear resizing, so this is exact and resizes the narrow result instead of the wide tap.
 */
const bottleneckNodes = (name: string, tap: string, block: Bottleneck): NodeSpec[] => {
	const atOutput = (part: string, convNorm: ConvNorm): NodeSpec[] => [
		conv(`${name}/${part}`, tap, 1),
		resize(`${name}/${part}/convolved`, `${name}/${part}/resized`, channelsOf(convNorm)),
		...groupNorm(`${name}/${part}`, `${name}/${part}/resized`, channelsOf(convNorm)),
	];
	return [
		...atOutput('conv1', block.conv1),
		relu(`${name}/conv1/normalised`, `${name}/inner1`),
		conv(`${name}/conv2`, `${name}/inner1`, 3),
		...groupNorm(`${name}/conv2`, `${name}/conv2/convolved`, channelsOf(block.conv2)),
		relu(`${name}/conv2/normalised`, `${name}/inner2`),
		conv(`${name}/conv3`, `${name}/inner2`, 1),
		...groupNorm(`${name}/conv3`, `${name}/conv3/convolved`, channelsOf(block.conv3)),
		...(block.shortcut === undefined
			? [resize(tap, `${name}/residual`, block.inputChannels)]
			: [
					...atOutput('shortcut', block.shortcut),
					{ opType: 'Identity', inputs: [`${name}/shortcut/normalised`], outputs: [`${name}/residual`] },
				]),
		{ opType: 'Add', inputs: [`${name}/conv3/normalised`, `${name}/residual`], outputs: [`${name}/sum`] },
		relu(`${name}/sum`, `${name}/output`),
	];
};

const bottleneckWeights = (name: string, block: Bottleneck): InitializerSpec[] =>
	(['conv1', 'conv2', 'conv3', 'shortcut'] as const).flatMap((part) => {
		const convNorm = block[part];
		return convNorm === undefined ? [] : convNormWeights(`${name}/${part}`, convNorm);
	});

/**
 * The aggregation network as nodes behind a model's taps (paper, section 3.2): reads `mixing_weights` [L], one
 * weight for each layer, and computes `hyperfeatures` [1, C, h, w] = Σ weight · bottleneck(tap).
 * A layer whose weight is zero is not computed, so steps that are not saved cost nothing here.
 *
 * @param taps float32 tensors of the model's graph, as many as the network has layers
 */
export const aggregationGraph = (
	network: AggregationNetwork,
	taps: readonly string[],
	grid: GridSize,
): AddedGraph => {
	const widths = new Set(
		network.layers.flatMap((block) => [channelsOf(block.conv1), block.inputChannels, network.channels]),
	);
	const layerNames = network.layers.map((_, layer) => `${PREFIX}/layer${layer}`);
	const nodes = network.layers.flatMap((block, layer): NodeSpec[] => {
		const name = layerNames[layer] ?? '';
		return [
			{
				opType: 'Gather',
				inputs: ['mixing_weights', `${name}/index`],
				outputs: [`${name}/weight`],
			},
			{ opType: 'Greater', inputs: [`${name}/weight`, `${PREFIX}/nothing`], outputs: [`${name}/wanted`] },
			{
				opType: 'If',
				inputs: [`${name}/wanted`],
				outputs: [`${name}/weighted`],
				attributes: {
					then_branch: graph({
						name: `layer${layer}_computed`,
						inputs: [],
						outputs: [{ name: `${name}/computed`, type: 'float32' }],
						nodes: [
							...bottleneckNodes(name, taps[layer] ?? '', block),
							{ opType: 'Mul', inputs: [`${name}/output`, `${name}/weight`], outputs: [`${name}/computed`] },
						],
						initializers: [],
					}),
					else_branch: graph({
						name: `layer${layer}_skipped`,
						inputs: [],
						outputs: [{ name: `${name}/skipped`, type: 'float32' }],
						nodes: [{ opType: 'Identity', inputs: [`${PREFIX}/no_map`], outputs: [`${name}/skipped`] }],
						initializers: [],
					}),
				},
			},
		];
	});
	return {
		nodes: [
			...nodes,
			{ opType: 'Sum', inputs: layerNames.map((name) => `${name}/weighted`), outputs: ['hyperfeatures'] },
		],
		initializers: [
			{ name: `${PREFIX}/groups`, tensor: int64s(0, GROUPS, -1) },
			{ name: `${PREFIX}/ones`, tensor: float32(new Float32Array(GROUPS).fill(1), [GROUPS]) },
			{ name: `${PREFIX}/zeros`, tensor: float32(new Float32Array(GROUPS), [GROUPS]) },
			{ name: `${PREFIX}/nothing`, tensor: float32(Float32Array.of(0), []) },
			{ name: `${PREFIX}/no_map`, tensor: float32(Float32Array.of(0), [1, 1, 1, 1]) },
			...[...widths].map((channels) => ({
				name: `${PREFIX}/map_${channels}`,
				tensor: int64s(1, channels, grid.height, grid.width),
			})),
			...network.layers.flatMap((block, layer) => [
				{
					name: `${layerNames[layer]}/index`,
					tensor: { type: 'int64', data: BigInt64Array.of(BigInt(layer)), dims: [] } as const,
				},
				...bottleneckWeights(layerNames[layer] ?? '', block),
			]),
		],
	};
};
