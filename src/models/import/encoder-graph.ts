import { UserError } from '../../core/errors.js';
import { freeNames, nodeFrom, producersOf, pruneUnused, weightFrom } from '../../onnx/edit.js';
import { type OnnxModel, type OnnxNode, standardOpset } from '../../onnx/model.js';
import { findInput, requireOnly, withCanonicalInput, withCanonicalOutput } from './canonical-io.js';

const RANDOM = new Set(['RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike']);

/** Names of all tensors that differ from run to run. */
const randomTensors = (nodes: readonly OnnxNode[]): Set<string> => {
	const random = new Set<string>();
	for (const node of nodes) {
		if (RANDOM.has(node.opType) || [...node.inputs, ...node.captures].some((name) => random.has(name))) {
			for (const name of node.outputs) {
				random.add(name);
			}
		}
	}
	return random;
};

/**
 * The tensor that holds the posterior's mean: the output itself when it is deterministic, else the operand of the
 * sampling's last addition (mean + std · noise) that has no noise in it.
 */
const meanTensor = (model: OnnxModel, output: string): string => {
	const random = randomTensors(model.nodes);
	const producers = producersOf(model.nodes);
	let name = output;
	while (random.has(name)) {
		const node = producers.get(name);
		const quiet = node?.opType === 'Add' ? node.inputs.filter((input) => !random.has(input)) : [];
		const next = quiet[0] ?? (node?.inputs.length === 1 ? node.inputs[0] : undefined);
		if (next === undefined) {
			throw new UserError(
				'The VAE encoder samples its latents in a way that is not known; export it with the output latent_parameters.',
			);
		}
		name = next;
	}
	return name;
};

/**
 * Turns a VAE encoder export into `sample` [1, 3, side, side] -> `latent` [1, channels, side / 8, side / 8], the
 * posterior's mean, not scaled. Takes both usual outputs: `latent_parameters` (mean and log-variance) and
 * `latent_sample` (a random sample: the sampling is cut off).
 */
export const deterministicEncoder = (
	original: OnnxModel,
	imageSide: number,
	latentChannels: number,
): OnnxModel => {
	const encoder = freeNames(original, ['sample', 'latent']);
	const sample = findInput(encoder, 'sample', [4], 'VAE encoder');
	requireOnly(encoder, [sample], standardOpset(encoder), 'VAE encoder');
	const output = encoder.outputs[0]?.name ?? '';
	const mean = meanTensor(encoder, output);
	const bound = (name: string, value: number) =>
		weightFrom({
			name: `propagate/${name}`,
			tensor: { type: 'int64', data: BigInt64Array.of(BigInt(value)), dims: [1] },
		});
	const canonical = withCanonicalInput({ ...encoder, outputs: [] }, sample, {
		name: 'sample',
		type: 'float32',
		shape: [1, 3, imageSide, imageSide],
	});
	// The mean comes first in latent_parameters; of a tensor that is only the mean, the slice is the whole.
	const sliced: OnnxModel = {
		...canonical,
		nodes: [
			...canonical.nodes,
			nodeFrom({
				opType: 'Slice',
				inputs: [mean, 'propagate/first', 'propagate/channels', 'propagate/axis'],
				outputs: ['propagate/mean'],
			}),
		],
		weights: [...canonical.weights, bound('first', 0), bound('channels', latentChannels), bound('axis', 1)],
	};
	return pruneUnused(withCanonicalOutput(sliced, 'propagate/mean', 'latent'));
};

/** Turns a VAE decoder export into `latent` [1, channels, side, side] (not scaled) -> `image` [1, 3, H, W] in -1..1. */
export const canonicalDecoder = (
	original: OnnxModel,
	latentSide: number,
	latentChannels: number,
): OnnxModel => {
	const decoder = freeNames(original, ['latent', 'image']);
	const latent = findInput(decoder, 'latent_sample', [4], 'VAE decoder');
	requireOnly(decoder, [latent], standardOpset(decoder), 'VAE decoder');
	const canonical = withCanonicalInput({ ...decoder, outputs: [] }, latent, {
		name: 'latent',
		type: 'float32',
		shape: [1, latentChannels, latentSide, latentSide],
	});
	return pruneUnused(withCanonicalOutput(canonical, decoder.outputs[0]?.name ?? '', 'image'));
};
