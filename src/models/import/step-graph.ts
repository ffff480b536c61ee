import { UserError } from '../../core/errors.js';
import type { GridSize } from '../../core/size.js';
import { freeNames, nodeFrom, pruneUnused, valueFrom, weightFrom } from '../../onnx/edit.js';
import { type OnnxModel, standardOpset } from '../../onnx/model.js';
import type { AggregationNetwork } from '../checkpoint/aggregation-network.js';
import { aggregationGraph } from './aggregation-graph.js';
import { findInput, requireOnly, withCanonicalInput, withCanonicalOutput } from './canonical-io.js';
import { findDecoderTaps, type Tap } from './decoder-taps.js';

/** A tap of the joined graph and the output that gives it out as float32. */
type OutputTap = Tap & { readonly output: string };

export type StepGraph = {
	readonly model: OnnxModel;
	/** In the order of the network's layers. */
	readonly taps: readonly OutputTap[];
	readonly latentChannels: number;
	/** False for models without cross-attention. */
	readonly conditioned: boolean;
};

const MAX_LATENT_CHANNELS = 64;

/** Inputs and outputs of the joined graph. */
const RESERVED_NAMES = [
	'sample',
	'timestep',
	'encoder_hidden_states',
	'mixing_weights',
	'noise_pred',
	'hyperfeatures',
];

const chooseTaps = (all: readonly Tap[], network: AggregationNetwork | undefined): readonly Tap[] => {
	if (network === undefined) {
		return all;
	}
	const { tapPositions } = network;
	// The published code walks the UNet, so the order is the UNet's whatever the order of the list.
	const chosen =
		tapPositions === undefined
			? [...all]
			: all.filter((tap) =>
					tapPositions.some(([block, resnet]) => block === tap.block && resnet === tap.resnet),
				);
	const widths = chosen.map((tap) => tap.channels);
	const expected = network.layers.map((layer) => layer.inputChannels);
	if (widths.join() !== expected.join()) {
		throw new UserError(
			`The aggregation weights belong to another UNet: they expect decoder widths ${expected.join(', ')} but this one has ${widths.join(', ')}.`,
		);
	}
	return chosen;
};

/**
 * Joins a Stable Diffusion UNet and an aggregation network to the graph of one step: `sample` [1, C, h, w],
 * `timestep` [1], `encoder_hidden_states` [1, tokens, width] and `mixing_weights` [L], all float32, to
 * `noise_pred` and `hyperfeatures` (paper, section 3.2). The taps are outputs too, which cost nothing unless asked for.
 *
 * @param network undefined for a graph that only gives out its taps
 * @param latentSide height and width of the latents
 */
export const joinStepGraph = (
	original: OnnxModel,
	network: AggregationNetwork | undefined,
	latentSide: number,
	grid: GridSize,
): StepGraph => {
	const unet = freeNames(original, RESERVED_NAMES);
	const sample = findInput(unet, 'sample', [4], 'UNet');
	const timestep = findInput(unet, 'timestep', [0, 1], 'UNet');
	const prompt = unet.inputs.find(
		(input) => input !== sample && input !== timestep && input.shape?.length === 3,
	);
	const known = [sample, timestep, ...(prompt === undefined ? [] : [prompt])];
	requireOnly(unet, known, standardOpset(unet), 'UNet');
	const noise = unet.outputs[0];
	const latentChannels = sample.shape?.[1];
	const taps = chooseTaps(findDecoderTaps(unet), network);

	let model: OnnxModel = { ...unet, outputs: [] };
	const channels = typeof latentChannels === 'number' ? latentChannels : convInChannels(unet, sample.name);
	if (!(channels > 0 && channels <= MAX_LATENT_CHANNELS)) {
		throw new UserError(`The UNet claims latents of ${channels} channels; expected Stable Diffusion's 4.`);
	}
	model = withCanonicalInput(model, sample, {
		name: 'sample',
		type: 'float32',
		shape: [1, channels, latentSide, latentSide],
	});
	model = withCanonicalInput(model, timestep, { name: 'timestep', type: 'float32', shape: [1] });
	if (prompt !== undefined) {
		const width = prompt.shape?.[2];
		model = withCanonicalInput(model, prompt, {
			name: 'encoder_hidden_states',
			type: 'float32',
			shape: [1, 'tokens', width ?? 'width'],
		});
	}
	// With a single step nobody reads the prediction, so everything behind the last tap is left out.
	if (network === undefined || network.steps > 1) {
		model = withCanonicalOutput(model, noise?.name ?? '', 'noise_pred');
	}
	const outputTaps = taps.map((tap) => ({ ...tap, output: `tap/${tap.block}.${tap.resnet}` }));
	for (const { tensor, output } of outputTaps) {
		model = withCanonicalOutput(model, tensor, output);
	}
	if (network !== undefined) {
		model = withAggregation(
			model,
			network,
			outputTaps.map(({ output }) => output),
			grid,
		);
	}
	return {
		model: pruneUnused(model),
		taps: outputTaps,
		latentChannels: channels,
		conditioned: prompt !== undefined,
	};
};

/** Appends the aggregation network behind float32 taps: `mixing_weights` [L] in, `hyperfeatures` out. */
export const withAggregation = (
	model: OnnxModel,
	network: AggregationNetwork,
	taps: readonly string[],
	grid: GridSize,
): OnnxModel => {
	const added = aggregationGraph(network, taps, grid);
	return {
		...model,
		nodes: [...model.nodes, ...added.nodes.map(nodeFrom)],
		weights: [...model.weights, ...added.initializers.map(weightFrom)],
		inputs: [
			...model.inputs,
			valueFrom({ name: 'mixing_weights', type: 'float32', shape: [network.layers.length] }),
		],
		outputs: [...model.outputs, valueFrom({ name: 'hyperfeatures', type: 'float32' })],
	};
};

/** Input channels from the first convolution, for exports whose input shape is symbolic. */
const convInChannels = (unet: OnnxModel, sample: string): number => {
	const reader = unet.nodes.find((node) => node.opType === 'Conv' && node.inputs[0] === sample);
	const weight = unet.weights.find(({ name }) => name === reader?.inputs[1]);
	const channels = weight?.dims[1];
	if (channels === undefined) {
		throw new UserError(
			'The UNet does not say how many channels its latents have; export it with a fixed channel count.',
		);
	}
	return channels;
};
