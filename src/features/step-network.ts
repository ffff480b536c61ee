import { readFile } from 'node:fs/promises';
import { pathInside } from '../core/path-inside.js';
import type { InstalledModel } from '../models/model-folder.js';
import type { Session } from '../runtime/session.js';
import { type Float32Tensor, float32, type Tensor } from '../runtime/tensor.js';
import { parseNpy } from '../store/npy.js';

export type StepResult = {
	/** ε, as long as the sample; undefined when it was not asked for. */
	readonly noise: Float32Array | undefined;
	/** The step's weighted partial sum [1, C, h, w]; undefined when it was not asked for. */
	readonly hyperfeatures: Float32Tensor | undefined;
	/** The taps that were asked for, in that order, each [1, channels, h, w] on its own grid. */
	readonly taps: readonly Float32Tensor[];
};

export type StepRequest = {
	/** [1, channels, height, width]; given away with the last step, see {@link StepRequest.noiseWanted}. */
	readonly sample: Float32Tensor;
	/** Timestep; -1 is the clean image. */
	readonly t: number;
	/** Prompt embedding [1, tokens, width]; undefined for unconditional models. */
	readonly embedding: Float32Tensor | undefined;
	/** Weight of each tapped layer at this step [L]; undefined when the step's features are not wanted. */
	readonly layerWeights: readonly number[] | undefined;
	/** False on the last step of a trajectory, whose prediction nobody reads; neither does anybody read its sample again. */
	readonly noiseWanted: boolean;
	/** Names of the graph's outputs that are wanted taps. */
	readonly tapOutputs?: readonly string[] | undefined;
};

const floatsOf = (tensor: Tensor | undefined, name: string): Float32Tensor => {
	if (tensor?.type !== 'float32') {
		throw new Error(`The model's graph returned no float32 "${name}"; import the model again.`);
	}
	return tensor;
};

/**
 * One call of the denoising network with the aggregation network joined in (paper, section 3.2): the
 * softmax-weighted sum over the step's layers leaves the graph, never the layers themselves.
 */
export const runStep = async (
	session: Session,
	layers: number,
	request: StepRequest,
): Promise<StepResult> => {
	const { sample, t, embedding, layerWeights, noiseWanted, tapOutputs = [] } = request;
	// All-zero weights tell the graph that the step is not saved: imported models then skip the aggregation.
	const weights = Float32Array.from(layerWeights ?? Array<number>(layers).fill(0));
	const fetches = [
		...(noiseWanted ? ['noise_pred'] : []),
		...(layerWeights === undefined ? [] : ['hyperfeatures']),
		...tapOutputs,
	];
	if (fetches.length === 0) {
		return { noise: undefined, hyperfeatures: undefined, taps: [] };
	}
	const feeds: Record<string, Tensor> = {
		sample,
		timestep: float32(Float32Array.of(t), [1]),
		...(embedding === undefined ? {} : { encoder_hidden_states: embedding }),
		mixing_weights: float32(weights, [layers]),
	};
	// A backbone knows no timestep, a graph without an aggregation network no weights.
	const declared = session.inputs.map(({ name }) => [name, feeds[name]] as const);
	const results = await session.run(
		Object.fromEntries(declared.flatMap(([name, feed]) => (feed === undefined ? [] : [[name, feed]]))),
		fetches,
		// Nobody takes another step from the sample of a trajectory's last one.
		noiseWanted ? [] : [sample.data.buffer as ArrayBuffer],
	);
	return {
		noise: noiseWanted ? floatsOf(results.noise_pred, 'noise_pred').data : undefined,
		hyperfeatures: layerWeights === undefined ? undefined : floatsOf(results.hyperfeatures, 'hyperfeatures'),
		taps: tapOutputs.map((name) => floatsOf(results[name], name)),
	};
};

/** The constant embedding of the empty prompt, undefined for unconditional models. */
export const readEmptyPrompt = async ({
	folder,
	manifest,
}: InstalledModel): Promise<Float32Tensor | undefined> => {
	if (manifest.conditioning === undefined) {
		return undefined;
	}
	const { data, shape } = parseNpy(await readFile(pathInside(folder, manifest.conditioning.emptyPrompt)));
	return float32(Float32Array.from(data, Number), shape);
};
