import { cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfAborted, UserError } from '../../errors.js';
import type { OnnxModel } from '../../onnx/model.js';
import { readModel } from '../../onnx/read-model.js';
import { encodeModel } from '../../onnx/write-model.js';
import type { Runtime } from '../../runtime/session.js';
import { type AggregationNetwork, aggregationNetworkFrom } from '../checkpoint/aggregation-network.js';
import { readCheckpoint } from '../checkpoint/read-checkpoint.js';
import { userModelsFolder } from '../locations.js';
import { type Manifest, manifestSchema } from '../manifest.js';
import { type InstalledModel, MANIFEST_FILE, readModelFolder } from '../model-folder.js';
import { formatNpy, parseNpy } from '../npy.js';
import { type FileRecord, recordOfFile } from '../verify.js';
import { openClipTokenizer } from './clip-tokenizer.js';
import { canonicalDecoder } from './decoder-graph.js';
import { deterministicEncoder } from './encoder-graph.js';
import { type ExportFolder, openExportFolder } from './export-folder.js';
import { embedPrompts } from './prompt-embedding.js';
import { joinStepGraph, type StepGraph } from './step-graph.js';
import { type LinkedWeights, WeightLinks } from './weight-links.js';

export type ImportOptions = {
	/** An ONNX export in the layout of diffusers or Optimum. */
	readonly exportFolder: string;
	/** A UNet or VAE encoder other than the folder's own. */
	readonly unet?: string | undefined;
	readonly vaeEncoder?: string | undefined;
	/** The paper's aggregation weights, `.pt` or `.safetensors`. */
	readonly aggregation: string;
	/** Name of the new model. */
	readonly name: string;
	/** The empty prompt's embedding, `.npy` [1, tokens, width], for exports without a text encoder. */
	readonly emptyPrompt?: string | undefined;
	readonly license?: string | undefined;
	/** Replaces a model of the same name. */
	readonly overwrite?: boolean | undefined;
	/** Where models are kept; `PROPAGATE_HOME`'s when omitted. */
	readonly modelsFolder?: string | undefined;
	/** Computes the empty prompt's embedding, once. */
	readonly runtime: Runtime;
	readonly signal?: AbortSignal | undefined;
	readonly onProgress?: ((message: string) => void) | undefined;
};

export type ImportResult = { readonly model: InstalledModel; readonly weights: readonly LinkedWeights[] };

const GRAPH = 'step.onnx';
const ENCODER = 'vae_encoder.onnx';
const DECODER = 'vae_decoder.onnx';
const TEXT_ENCODER = 'text_encoder.onnx';
const TOKENIZER = 'tokenizer';
const EMPTY_PROMPT = 'empty_prompt.npy';

/** The schedule that Stable Diffusion was trained with; the paper's code has it fixed. */
const TRAINING_SCHEDULE = {
	trainTimesteps: 1000,
	betaStart: 0.00085,
	betaEnd: 0.012,
	betaSchedule: 'scaled_linear',
} as const;

/** Writes one import into an empty folder. */
class ModelWriter {
	readonly links: WeightLinks;

	constructor(
		readonly folder: string,
		readonly source: ExportFolder,
		readonly options: ImportOptions,
	) {
		this.links = new WeightLinks(folder);
	}

	async writeGraph(file: string, model: OnnxModel, role: string): Promise<void> {
		await this.links.add(model, role);
		await writeFile(join(this.folder, file), encodeModel(model, this.links.locationOf));
	}

	/** Stores the empty prompt's embedding; without a text encoder it has to be given. */
	async writeEmptyPrompt(): Promise<void> {
		const { emptyPrompt, runtime } = this.options;
		const { textEncoder, tokenizer } = this.source;
		const target = join(this.folder, EMPTY_PROMPT);
		if (emptyPrompt !== undefined) {
			const { data, shape } = parseNpy(await readFile(emptyPrompt));
			await writeFile(target, formatNpy(Float32Array.from(data, Number), shape));
			return;
		}
		if (textEncoder === undefined || tokenizer === undefined) {
			throw new UserError(
				`${this.options.exportFolder} has no text_encoder and tokenizer, which the empty prompt needs; expected a whole export, or the embedding as a .npy file.`,
			);
		}
		const [embedding] = await embedPrompts(runtime, textEncoder, await openClipTokenizer(tokenizer), ['']);
		await writeFile(target, formatNpy(embedding?.data ?? new Float32Array(), embedding?.dims ?? []));
	}

	/** Keeps what generation from prompts needs, where the export has it. */
	async writeGeneration(step: StepGraph): Promise<{ decoder: boolean; prompts: boolean }> {
		const { vaeDecoder, textEncoder, tokenizer, latentSide } = this.source;
		if (vaeDecoder !== undefined) {
			const graph = canonicalDecoder(readModel(vaeDecoder), latentSide, step.latentChannels);
			await this.writeGraph(DECODER, graph, 'vae_decoder');
		}
		const prompts = step.conditioned && textEncoder !== undefined && tokenizer !== undefined;
		if (prompts) {
			await this.writeGraph(TEXT_ENCODER, readModel(textEncoder), 'text_encoder');
			await cp(tokenizer, join(this.folder, TOKENIZER), { recursive: true, dereference: true });
		}
		return { decoder: vaeDecoder !== undefined, prompts };
	}

	async fileRecords(): Promise<Record<string, FileRecord>> {
		const records: Record<string, FileRecord> = {};
		const entries = await readdir(this.folder, { recursive: true });
		for (const entry of entries.sort()) {
			const path = join(this.folder, entry);
			if ((await stat(path)).isFile()) {
				records[entry.replaceAll('\\', '/')] = await recordOfFile(path, this.options.signal);
			}
		}
		return records;
	}
}

/**
 * Makes a model from an ordinary ONNX export of Stable Diffusion and the paper's aggregation weights. The export is
 * left untouched: its graphs are read without their weights, which the new model's folder only links to.
 *
 * @throws UserError when the export or the weights can't be used, or the name is taken
 */
export const importModel = async (options: ImportOptions): Promise<ImportResult> => {
	const { exportFolder, name, signal } = options;
	const progress = options.onProgress ?? (() => {});
	if (!manifestSchema.shape.name.safeParse(name).success) {
		throw new UserError(
			`"${name}" can't be a model's name; use lower-case letters, digits, dots, dashes and underscores.`,
		);
	}
	const modelsFolder = options.modelsFolder ?? userModelsFolder();
	const folder = join(modelsFolder, name);
	const taken = await stat(folder).then(
		() => true,
		() => false,
	);
	if (taken && options.overwrite !== true) {
		throw new UserError(
			`There is already a model "${name}" in ${folder}; choose another name or add --overwrite.`,
		);
	}
	const source = await openExportFolder(exportFolder, options);
	const network = aggregationNetworkFrom(await readCheckpoint(options.aggregation));

	// A leading dot hides the unfinished model from the registry; the rename at the end makes it appear at once.
	const partial = join(modelsFolder, `.${name}.partial-${process.pid}`);
	await rm(partial, { recursive: true, force: true });
	await mkdir(partial, { recursive: true });
	try {
		const writer = new ModelWriter(partial, source, options);
		const side = network.outputResolution ?? source.latentSide;
		const grid = { height: side, width: side };
		progress('joining the UNet and the aggregation network');
		const step = joinStepGraph(readModel(source.unet), network, source.latentSide, grid);
		await writer.writeGraph(GRAPH, step.model, 'unet');
		throwIfAborted(signal);
		progress('preparing the VAE encoder');
		const imageSide = source.latentSide * source.latentStride;
		await writer.writeGraph(
			ENCODER,
			deterministicEncoder(readModel(source.vaeEncoder), imageSide, step.latentChannels),
			'vae_encoder',
		);
		if (step.conditioned) {
			progress('embedding the empty prompt');
			await writer.writeEmptyPrompt();
		}
		const generation = await writer.writeGeneration(step);
		throwIfAborted(signal);
		progress('computing checksums');
		const manifest = describeModel(
			options,
			source,
			network,
			step,
			generation,
			grid.height,
			await writer.fileRecords(),
		);
		await writeFile(join(partial, MANIFEST_FILE), `${JSON.stringify(manifest, undefined, '\t')}\n`);
		await rm(folder, { recursive: true, force: true });
		await rename(partial, folder);
		return { model: await readModelFolder(folder), weights: writer.links.all };
	} finally {
		await rm(partial, { recursive: true, force: true });
	}
};

const describeModel = (
	options: ImportOptions,
	source: ExportFolder,
	network: AggregationNetwork,
	step: StepGraph,
	generation: { readonly decoder: boolean; readonly prompts: boolean },
	gridSide: number,
	files: Manifest['files'],
): Manifest => {
	const imageSide = source.latentSide * source.latentStride;
	return {
		formatVersion: 1,
		name: options.name,
		kind: 'diffusion',
		description: `Stable Diffusion from ${options.exportFolder} with the aggregation weights ${options.aggregation}`,
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
		schedule: { ...TRAINING_SCHEDULE, steps: network.steps, saveTimesteps: [...network.saveTimesteps] },
		...(step.conditioned
			? {
					conditioning: {
						emptyPrompt: EMPTY_PROMPT,
						...(generation.prompts ? { prompts: { encoder: TEXT_ENCODER, tokenizer: TOKENIZER } } : {}),
					},
				}
			: {}),
		descriptor: {
			channels: network.channels,
			grid: { mode: 'fixed', height: gridSide, width: gridSide },
		},
		taps: step.taps.map((tap) => ({
			name: `up_blocks.${tap.block}.resnets.${tap.resnet}`,
			channels: tap.channels,
			tensor: tap.tensor,
		})),
		mixingWeights: network.mixingWeights.map((row) => [...row]),
		files,
	};
};
