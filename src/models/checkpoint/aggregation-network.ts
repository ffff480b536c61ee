import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import type { Checkpoint, CheckpointTensor } from './checkpoint.js';

/** A convolution without bias, followed by a group normalisation. */
export type ConvNorm = {
	/** [out, in, k, k]. */
	readonly weight: CheckpointTensor;
	/** [out]. */
	readonly scale: CheckpointTensor;
	readonly shift: CheckpointTensor;
};

/** The bottleneck block of one tapped layer, shared by all timesteps (paper, section 3.2). */
export type Bottleneck = {
	readonly inputChannels: number;
	/** 1x1, to the inner width. */
	readonly conv1: ConvNorm;
	/** 3x3. */
	readonly conv2: ConvNorm;
	/** 1x1, to the descriptor's width. */
	readonly conv3: ConvNorm;
	/** 1x1 on the input; absent when the widths are equal. */
	readonly shortcut: ConvNorm | undefined;
};

export type AggregationNetwork = {
	readonly channels: number;
	readonly layers: readonly Bottleneck[];
	/** softmax(mixing weights) [S][L], summing to 1. */
	readonly mixingWeights: readonly (readonly number[])[];
	/** Steps over the whole schedule. */
	readonly steps: number;
	/** [S], in the order of the rows of `mixingWeights`. */
	readonly saveTimesteps: readonly number[];
	/** Side of the square grid; undefined when the checkpoint does not say. */
	readonly outputResolution: number | undefined;
	/** The decoder resnets [block, resnet] that are tapped; undefined means all. */
	readonly tapPositions: readonly (readonly [number, number])[] | undefined;
};

const configSchema = z.object({
	save_timestep: z.array(z.int().nonnegative()).min(1).optional(),
	num_timesteps: z.int().positive().max(1000).optional(),
	output_resolution: z.int().positive().max(1024).optional(),
	idxs: z.array(z.tuple([z.int().nonnegative(), z.int().nonnegative()])).nullish(),
});

/** The saved steps of the published multi-step model (configs/real.yaml). */
export const PUBLISHED_STEPS = 50;
export const PUBLISHED_SAVE_TIMESTEPS = [49, 45, 40, 35, 30, 25, 20, 15, 10, 5, 0];

/** Groups of every normalisation. */
const GROUPS = 32;
/** The paper's models have 12; DHPF, the deepest of its tables, 34. */
const MAX_LAYERS = 256;

const softmax = (logits: Float32Array): number[] => {
	const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
	const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
	const sum = powers.reduce((a, b) => a + b, 0);
	return powers.map((power) => power / sum);
};

/** Which steps the rows stand for, when the checkpoint has no configuration: only the published settings can be meant. */
const publishedSchedule = (rows: number): { steps: number; saveTimesteps: readonly number[] } => {
	if (rows === 1) {
		return { steps: 1, saveTimesteps: [0] };
	}
	if (rows === PUBLISHED_SAVE_TIMESTEPS.length) {
		return { steps: PUBLISHED_STEPS, saveTimesteps: PUBLISHED_SAVE_TIMESTEPS };
	}
	throw new UserError(
		`The aggregation weights are for ${rows} timesteps but do not say which; expected a config with save_timestep and num_timesteps in the file.`,
	);
};

const LAYER_NAME = /^(.*?)bottleneck_layers\.(\d+)\.0\.conv1\.weight$/;

/**
 * Makes sense of a checkpoint's parameter names and shapes.
 *
 * @throws UserError when it is not an aggregation network, or its parts do not fit together
 */
export const aggregationNetworkFrom = ({ tensors, config }: Checkpoint): AggregationNetwork => {
	const matches = [...tensors.keys()].map((name) => LAYER_NAME.exec(name)).filter((match) => match !== null);
	const prefix = matches[0]?.[1] ?? '';
	const tensor = (name: string, shape: readonly number[]): CheckpointTensor => {
		const found = tensors.get(prefix + name);
		if (found === undefined || found.shape.join() !== shape.join()) {
			throw new UserError(
				`The file is not an aggregation network of the paper: its "${name}" has the shape [${found?.shape.join(', ') ?? 'missing'}], expected [${shape.join(', ')}].`,
			);
		}
		return found;
	};
	const dimension = (name: string, axis: number): number => tensors.get(prefix + name)?.shape[axis] ?? 0;
	const convNorm = (name: string, outputs: number, inputs: number, kernel: number): ConvNorm => ({
		weight: tensor(`${name}.weight`, [outputs, inputs, kernel, kernel]),
		scale: tensor(`${name}.norm.weight`, [outputs]),
		shift: tensor(`${name}.norm.bias`, [outputs]),
	});

	const channels = dimension('bottleneck_layers.0.0.conv3.weight', 0);
	const layers = matches.map((_, layer): Bottleneck => {
		const name = (part: string): string => `bottleneck_layers.${layer}.0.${part}`;
		const inner = dimension(name('conv1.weight'), 0);
		const inputChannels = dimension(name('conv1.weight'), 1);
		return {
			inputChannels,
			conv1: convNorm(name('conv1'), inner, inputChannels, 1),
			conv2: convNorm(name('conv2'), inner, inner, 3),
			conv3: convNorm(name('conv3'), channels, inner, 1),
			shortcut:
				inputChannels === channels && !tensors.has(prefix + name('shortcut.weight'))
					? undefined
					: convNorm(name('shortcut'), channels, inputChannels, 1),
		};
	});
	const logits = tensors.get(`${prefix}mixing_weights`)?.data ?? new Float32Array(0);
	const rows = logits.length / layers.length;
	if (layers.length === 0 || rows === 0 || !Number.isInteger(rows)) {
		throw new UserError(
			`The file is not an aggregation network of the paper: it has ${layers.length} bottleneck layers and ${logits.length} mixing weights.`,
		);
	}
	const odd = [channels, ...layers.map((layer) => layer.conv1.scale.shape[0] ?? 0)].find(
		(n) => n % GROUPS !== 0,
	);
	if (odd !== undefined || layers.length > MAX_LAYERS) {
		throw new UserError(
			`The aggregation weights can't be used: ${odd === undefined ? `they have ${layers.length} layers` : `a width of ${odd} is no multiple of ${GROUPS}`}.`,
		);
	}
	const parsed = configSchema.safeParse(Object.fromEntries(config));
	if (!parsed.success) {
		throw new UserError(
			`The aggregation weights' own config can't be used: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}.`,
		);
	}
	const { save_timestep, num_timesteps, output_resolution, idxs } = parsed.data;
	const { steps, saveTimesteps } =
		save_timestep === undefined || num_timesteps === undefined
			? publishedSchedule(rows)
			: { steps: num_timesteps, saveTimesteps: save_timestep };
	if (saveTimesteps.length !== rows || saveTimesteps.some((key) => key >= steps)) {
		throw new UserError(
			`The aggregation weights' own config does not fit them: ${rows} timesteps have weights, but it saves [${saveTimesteps.join(', ')}] of ${steps}.`,
		);
	}
	const weights = softmax(logits);
	return {
		channels,
		layers,
		mixingWeights: saveTimesteps.map((_, row) =>
			weights.slice(row * layers.length, (row + 1) * layers.length),
		),
		steps,
		saveTimesteps,
		outputResolution: output_resolution,
		tapPositions: idxs ?? undefined,
	};
};
