import { UserError } from '../../core/errors.js';
import { producersOf } from '../../onnx/edit.js';
import type { OnnxModel, OnnxNode } from '../../onnx/model.js';
import { readNodeInts, readNodeTensorDims } from '../../onnx/read-node.js';

/** Output of the second convolution of a decoder resnet, before the residual is added (paper, section 3.1). */
export type Tap = {
	readonly block: number;
	readonly resnet: number;
	readonly tensor: string;
	readonly channels: number;
};

const RESNETS_PER_BLOCK = 3;
/** SD's UNet: 8 resnets down, 2 in the middle, 12 up, with two 3x3 convolutions each. */
const RESNET_CONVS = 44;
const DECODER_CONVS = 24;

type Conv = { readonly node: OnnxNode; readonly weightName: string; readonly dims: readonly number[] };

/** Nodes that change a tensor's type or name only: half-precision and quantised exports are seen alike. */
const TRANSPARENT = new Set(['Cast', 'Identity', 'DequantizeLinear']);

const throughCasts = (name: string, producers: ReadonlyMap<string, OnnxNode>): string => {
	let current = name;
	for (let node = producers.get(current); node !== undefined; node = producers.get(current)) {
		if (!TRANSPARENT.has(node.opType)) {
			break;
		}
		current = node.inputs[0] ?? '';
	}
	return current;
};

const convsOf = (model: OnnxModel, producers: ReadonlyMap<string, OnnxNode>): Conv[] => {
	const weights = new Map(model.weights.map((weight) => [weight.name, weight.dims]));
	return model.nodes.flatMap((node) => {
		if (node.opType !== 'Conv') {
			return [];
		}
		const weightName = throughCasts(node.inputs[1] ?? '', producers);
		// Some exporters keep weights as constants among the nodes.
		const constant = producers.get(weightName);
		const dims =
			weights.get(weightName) ??
			(constant?.opType === 'Constant' ? readNodeTensorDims(constant, 'value') : undefined);
		return dims === undefined ? [] : [{ node, weightName, dims }];
	});
};

const tapOf = (conv: Conv, block: number, resnet: number): Tap => ({
	block,
	resnet,
	tensor: conv.node.outputs[0] ?? '',
	channels: conv.dims[0] ?? 0,
});

/** Also with underscores for dots, as exporters write that take names for identifiers. */
const NAMED_WEIGHT = /(?:^|[./_])up_blocks[._](\d+)[._]resnets[._](\d+)[._]conv2[._]weight(?:_quantized)?$/;
const SCOPED_NODE = /(?:^|[./])up_blocks\.(\d+)\/resnets\.(\d+)\/conv2\/Conv(?:_output_0)?$/;

const byName = (convs: readonly Conv[], nameOf: (conv: Conv) => string, pattern: RegExp): Tap[] =>
	convs
		.flatMap((conv) => {
			const match = pattern.exec(nameOf(conv));
			return match === null ? [] : [tapOf(conv, Number(match[1]), Number(match[2]))];
		})
		.sort((a, b) => a.block - b.block || a.resnet - b.resnet);

/**
 * Files whose names were lost: in execution order, the 3x3 convolutions with stride 1 are those of the resnets
 * (conv1, conv2 in turn) and of the two ends and the upsamplers, which are told by their neighbours.
 */
const byStructure = (
	model: OnnxModel,
	convs: readonly Conv[],
	producers: ReadonlyMap<string, OnnxNode>,
): Tap[] => {
	const inputs = new Set(model.inputs.map((input) => input.name));
	const outputs = new Set(model.outputs.map((output) => throughCasts(output.name, producers)));
	const resnetConvs = convs.filter(({ node, dims }) => {
		const strides = readNodeInts(node, 'strides') ?? [1, 1];
		const source = throughCasts(node.inputs[0] ?? '', producers);
		return (
			dims[2] === 3 &&
			dims[3] === 3 &&
			strides.every((stride) => stride === 1) &&
			!inputs.has(source) &&
			!node.outputs.some((name) => outputs.has(name)) &&
			!['Resize', 'Upsample'].includes(producers.get(source)?.opType ?? '')
		);
	});
	if (resnetConvs.length !== RESNET_CONVS) {
		return [];
	}
	return resnetConvs
		.slice(-DECODER_CONVS)
		.filter((_, i) => i % 2 === 1)
		.map((conv, i) => tapOf(conv, Math.floor(i / RESNETS_PER_BLOCK), i % RESNETS_PER_BLOCK));
};

const isWholeDecoder = (taps: readonly Tap[]): boolean =>
	taps.length === DECODER_CONVS / 2 &&
	taps.every(
		(tap, i) => tap.block === Math.floor(i / RESNETS_PER_BLOCK) && tap.resnet === i % RESNETS_PER_BLOCK,
	);

/**
 * Finds the twelve decoder taps of a Stable Diffusion UNet, whatever exporter wrote it: by the names of the
 * convolutions' weights, by scoped node names, or by the graph's structure.
 *
 * @throws UserError when the graph does not have them, as after an optimiser fused the convolutions away
 */
export const findDecoderTaps = (model: OnnxModel): Tap[] => {
	const producers = producersOf(model.nodes);
	const convs = convsOf(model, producers);
	const candidates = [
		byName(convs, (conv) => conv.weightName, NAMED_WEIGHT),
		byName(convs, (conv) => conv.node.outputs[0] ?? '', SCOPED_NODE),
		byName(convs, (conv) => conv.node.name, SCOPED_NODE),
		byStructure(model, convs, producers),
	];
	const taps = candidates.find(isWholeDecoder);
	if (taps === undefined) {
		throw new UserError(
			`The UNet's twelve decoder convolutions were not found among its ${convs.length} convolutions; expected an unoptimised ONNX export of a Stable Diffusion UNet.`,
		);
	}
	return taps;
};
