import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { firstLineOf, throwIfAborted, UserError } from '../../core/errors.js';
import { readOwnFile } from '../../core/regular-file.js';
import { readModel } from '../../onnx/read-model.js';
import type { Runtime } from '../../runtime/session.js';
import { formatNpy, parseNpy } from '../../store/npy.js';
import {
	type AggregationNetwork,
	aggregationNetworkFrom,
	PUBLISHED_SAVE_TIMESTEPS,
	PUBLISHED_STEPS,
} from '../checkpoint/aggregation-network.js';
import { readCheckpoint } from '../checkpoint/read-checkpoint.js';
import type { Manifest } from '../manifest.js';
import { type InstalledModel, readModelFolder } from '../model-folder.js';
import { openClipTokenizer } from '../prompts/clip-tokenizer.js';
import { embedPrompts } from '../prompts/prompt-embedding.js';
import { canonicalDecoder, deterministicEncoder } from './encoder-graph.js';
import { type ExportFolder, openExportFolder } from './export-folder.js';
import { createModel, type ModelWriter, type NewModel } from './model-writer.js';
import { joinStepGraph, type StepGraph } from './step-graph.js';
import type { LinkedWeights } from './weight-links.js';

type ImportOptions = NewModel & {
	/** An ONNX export in the layout of diffusers or Optimum. */
	readonly exportFolder: string;
	/** A UNet or VAE encoder other than the folder's own. */
	readonly unet?: string | undefined;
	readonly vaeEncoder?: string | undefined;
	/** The paper's aggregation weights, `.pt` or `.safetensors`; without them only the layers themselves can be used. */
	readonly aggregation?: string | undefined;
	/** Side of the descriptor grid; the aggregation weights' own config says it when omitted. */
	readonly grid?: number | undefined;
	/** The empty prompt's embedding, `.npy` [1, tokens, width], for exports without a text encoder. */
	readonly emptyPrompt?: string | undefined;
	readonly license?: string | undefined;
	/** Computes the empty prompt's embedding, once. */
	readonly runtime: Runtime;
};

export type ImportResult = { readonly model: InstalledModel; readonly weights: readonly LinkedWeights[] };

const GRAPH = 'step.onnx';
const ENCODER = 'vae_encoder.onnx';
const DECODER = 'vae_decoder.onnx';
const TEXT_ENCODER = 'text_encoder.onnx';
const TOKENIZER = 'tokenizer';
const EMPTY_PROMPT = 'empty_prompt.npy';

/** What CLIP's tokenizer consists of; the last two are optional. Nothing else of the folder is taken over. */
const TOKENIZER_FILES = ['vocab.json', 'merges.txt', 'tokenizer_config.json', 'special_tokens_map.json'];
const MAX_TOKENIZER_BYTES = 64 << 20;

/** The schedule that Stable Diffusion was trained with; the paper's code has it fixed. */
const TRAINING_SCHEDULE = {
	trainTimesteps: 1000,
	betaStart: 0.00085,
	betaEnd: 0.012,
	betaSchedule: 'scaled_linear',
} as const;

/** Without aggregation weights: the paper's process, of which the clean end counts (its first call, at t = -1). */
const RAW_PROCESS = { steps: PUBLISHED_STEPS, saveTimesteps: PUBLISHED_SAVE_TIMESTEPS };

/**
 * Makes a model from an ordinary ONNX export of Stable Diffusion and the paper's aggregation weights. The export is
 * left untouched: its graphs are read without their weights, which the new model's folder only links to.
 *
 * @throws UserError when the export or the weights can't be used, or the name is taken
 */
export const importModel = async (options: ImportOptions): Promise<ImportResult> => {
	const { exportFolder, signal } = options;
	const progress = options.onProgress ?? (() => {});
	const { folder, weights } = await createModel(options, async (writer) => {
		const source = await openExportFolder(exportFolder, options);
		const network =
			options.aggregation === undefined
				? undefined
				: aggregationNetworkFrom(await readCheckpoint(options.aggregation));
		const side = options.grid ?? network?.outputResolution ?? source.latentSide;
		progress(
			network === undefined ? 'giving the UNet its taps' : 'joining the UNet and the aggregation network',
		);
		const grid = { height: side, width: side };
		const step = joinStepGraph(readModel(source.unet), network, source.latentSide, grid);
		await writer.writeGraph(GRAPH, step.model, 'unet');
		throwIfAborted(signal);
		progress('preparing the VAE encoder');
		const imageSide = source.latentSide * source.latentStride;
		const encoder = deterministicEncoder(readModel(source.vaeEncoder), imageSide, step.latentChannels);
		await writer.writeGraph(ENCODER, encoder, 'vae_encoder');
		const generation = await writeGeneration(writer, source, step);
		throwIfAborted(signal);
		if (step.conditioned) {
			progress('embedding the empty prompt');
			await writeEmptyPrompt(writer, options, generation.prompts);
		}
		throwIfAborted(signal);
		return describeModel(options, source, network, step, generation, side);
	});
	return { model: await readModelFolder(folder), weights };
};

type Generation = { readonly decoder: boolean; readonly prompts: boolean };

/** Keeps what prompts and generation need, where the export has it. */
const writeGeneration = async (
	writer: ModelWriter,
	{ vaeDecoder, textEncoder, tokenizer, latentSide }: ExportFolder,
	step: StepGraph,
): Promise<Generation> => {
	if (vaeDecoder !== undefined) {
		const graph = canonicalDecoder(readModel(vaeDecoder), latentSide, step.latentChannels);
		await writer.writeGraph(DECODER, graph, 'vae_decoder');
	}
	const prompts = step.conditioned && textEncoder !== undefined && tokenizer !== undefined;
	if (prompts) {
		await writer.writeGraph(TEXT_ENCODER, readModel(textEncoder), 'text_encoder');
		await mkdir(join(writer.folder, TOKENIZER));
		for (const file of TOKENIZER_FILES) {
			const found = await stat(join(tokenizer, file)).catch(() => undefined);
			if (found?.isFile() === true && found.size <= MAX_TOKENIZER_BYTES) {
				await copyFile(join(tokenizer, file), join(writer.folder, TOKENIZER, file));
			}
		}
	}
	return { decoder: vaeDecoder !== undefined, prompts };
};

/** Stores the empty prompt's embedding; without a text encoder it has to be given. */
const writeEmptyPrompt = async (
	writer: ModelWriter,
	{ emptyPrompt, runtime, exportFolder }: ImportOptions,
	hasTextEncoder: boolean,
): Promise<void> => {
	const target = join(writer.folder, EMPTY_PROMPT);
	if (emptyPrompt !== undefined) {
		const bytes = await readOwnFile(emptyPrompt).catch((cause: unknown) => {
			throw new UserError(`The embedding ${emptyPrompt} can't be read; expected a .npy file.`, { cause });
		});
		const { data, shape } = parseNpy(bytes);
		if (shape.length !== 3 || shape[0] !== 1) {
			throw new UserError(
				`The embedding ${emptyPrompt} has the shape [${shape.join(', ')}]; expected [1, tokens, width].`,
			);
		}
		await writeFile(target, formatNpy(Float32Array.from(data, Number), shape));
		return;
	}
	if (!hasTextEncoder) {
		throw new UserError(
			`${exportFolder} has no text_encoder and tokenizer, which the empty prompt needs; expected a whole export, or the embedding as a .npy file (--empty-prompt).`,
		);
	}
	const tokenize = await openClipTokenizer(join(writer.folder, TOKENIZER));
	const [embedding] = await embedPrompts(runtime, join(writer.folder, TEXT_ENCODER), tokenize, ['']).catch(
		(cause: unknown) => {
			throw new UserError(
				`The text encoder of ${exportFolder} can't be run: ${firstLineOf(cause)}; export it again.`,
				{ cause },
			);
		},
	);
	await writeFile(target, formatNpy(embedding?.data ?? new Float32Array(), embedding?.dims ?? []));
};

const describeModel = (
	options: ImportOptions,
	source: ExportFolder,
	network: AggregationNetwork | undefined,
	step: StepGraph,
	generation: Generation,
	gridSide: number,
): Omit<Manifest, 'files'> => {
	const imageSide = source.latentSide * source.latentStride;
	const process = network ?? RAW_PROCESS;
	const layers = step.taps.length;
	const rawChannels = step.taps.reduce((sum, tap) => sum + tap.channels, 0);
	return {
		formatVersion: 1,
		name: options.name,
		kind: 'diffusion',
		description:
			network === undefined
				? `Stable Diffusion from ${options.exportFolder}, its layers as they are`
				: `Stable Diffusion from ${options.exportFolder} with the aggregation weights ${options.aggregation}`,
		license: options.license ?? "the export's own",
		graph: GRAPH,
		space: {
			kind: 'latent',
			encoder: ENCODER,
			...(generation.decoder ? { decoder: DECODER } : {}),
			scale: source.latentScale,
			stride: source.latentStride,
			channels: step.latentChannels,
		},
		image: {
			resize: { mode: 'fixed', width: imageSide, height: imageSide },
			mean: [0.5, 0.5, 0.5],
			std: [0.5, 0.5, 0.5],
		},
		schedule: {
			...TRAINING_SCHEDULE,
			steps: process.steps,
			saveTimesteps: [...process.saveTimesteps],
		},
		...(step.conditioned
			? {
					conditioning: {
						emptyPrompt: EMPTY_PROMPT,
						...(generation.prompts ? { prompts: { encoder: TEXT_ENCODER, tokenizer: TOKENIZER } } : {}),
					},
				}
			: {}),
		descriptor: {
			channels: network?.channels ?? rawChannels,
			grid: { mode: 'fixed', height: gridSide, width: gridSide },
		},
		taps: step.taps.map((tap) => ({
			name: `up_blocks.${tap.block}.resnets.${tap.resnet}`,
			channels: tap.channels,
			tensor: tap.tensor,
			output: tap.output,
		})),
		...(network === undefined ? { rawOnly: true as const } : {}),
		mixingWeights:
			network?.mixingWeights.map((row) => [...row]) ??
			process.saveTimesteps.map((_, row) => Array(layers).fill(row === 0 ? 1 / layers : 0)),
	};
};
