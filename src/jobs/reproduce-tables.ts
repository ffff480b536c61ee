import type { DescriptorExtractor } from '../core/descriptor-map.js';
import { throwIfAborted } from '../core/errors.js';
import {
	evaluateKeypoints,
	type KeypointMethod,
	type MethodScore,
} from '../evaluation/pairs/evaluate-keypoints.js';
import type { KeypointPair } from '../evaluation/pairs/keypoint-pair.js';
import { type MethodKind, type PaperTable, paperTables, type TableRow } from '../evaluation/paper-tables.js';
import { recipeExtractor } from '../features/diffusion-extractor.js';
import { openInversion } from '../features/inversion.js';
import { descriptorGrid } from '../features/preprocess.js';
import { type FeatureRecipe, heaviestMap, usesLayers, wholeModel } from '../features/recipe.js';
import { readEmptyPrompt } from '../features/step-network.js';
import { describeImage } from '../matching/described-image.js';
import { readImage } from '../media/image.js';
import type { InstalledModel, InstalledPairModel } from '../models/model-folder.js';
import { listModels } from '../models/registry.js';
import { pointMatcher } from '../pairs/point-matcher.js';
import { loadPreset } from '../presets/preset.js';
import { openRuntime } from '../runtime/onnx-runtime.js';
import type { Runtime, RuntimeOptions } from '../runtime/session.js';
import { type KeypointDataset, keypointPairs } from './evaluate-pairs.js';
import { extractorMethod } from './keypoint-methods.js';

type TablesJob = RuntimeOptions & {
	readonly tables: readonly PaperTable['number'][];
	/** Folders of the data sets that are there. */
	readonly roots: Readonly<Partial<Record<KeypointDataset, string>>>;
	readonly limit?: number | undefined;
	readonly signal?: AbortSignal | undefined;
	readonly onProgress?: ((what: string, done: number, total: number) => void) | undefined;
};

type ReproducedTable = { readonly table: PaperTable; readonly measured: readonly TableRow[] };

/** Data sets in the order of each table's columns. */
const datasetsOf: Record<PaperTable['number'], readonly KeypointDataset[]> = {
	1: ['spair', 'cub'],
	2: ['spair'],
	3: ['pf-pascal', 'pf-willow'],
	4: ['spair'],
};

/** Time and memory are averages over so many pairs. */
const TIMED_PAIRS = 5;

type Variant = { readonly name: string; readonly kind: MethodKind; readonly extractor: DescriptorExtractor };

/**
 * The paper's tables, for every installed model and every data set that is there, with the released code's matching.
 * What is not there (other networks, models, sets) is left out.
 */
export const reproduceTables = async (job: TablesJob): Promise<ReproducedTable[]> => {
	const tables = paperTables.filter(({ number }) => job.tables.includes(number));
	const wanted = new Set(tables.flatMap(({ number }) => datasetsOf[number]));
	const sets = new Map<KeypointDataset, KeypointPair[]>();
	for (const [name, root] of Object.entries(job.roots) as [KeypointDataset, string][]) {
		if (wanted.has(name)) {
			sets.set(name, await keypointPairs(name, root, undefined, job.limit));
		}
	}
	const measured = tables.map((table) => ({ table, measured: [] as TableRow[] }));
	for (const model of await listModels()) {
		// Pair models have no descriptors of single images to aggregate.
		if ('manifest' in model && isDescriptorModel(model)) {
			await measureModel(model, sets, job, measured);
		}
	}
	return measured;
};

const isDescriptorModel = (model: InstalledModel | InstalledPairModel): model is InstalledModel =>
	model.manifest.kind !== 'pair';

const measureModel = async (
	model: InstalledModel,
	sets: ReadonlyMap<KeypointDataset, readonly KeypointPair[]>,
	job: TablesJob,
	results: readonly { readonly table: PaperTable; readonly measured: TableRow[] }[],
): Promise<void> => {
	const runtime = openRuntime({ device: job.device, threads: job.threads });
	try {
		const all = await variantsOf(model, runtime);
		const inTables = all.filter(({ kind }) => results.some(({ table }) => isInTable(kind, table, model)));
		const methods = inTables.map((variant) => methodOf(variant, model, runtime));
		const scores = new Map<KeypointDataset, MethodScore[]>();
		for (const [name, pairs] of sets) {
			scores.set(
				name,
				await evaluateKeypoints({
					pairs,
					methods,
					signal: job.signal,
					onPair: (done, total) => job.onProgress?.(`${model.manifest.name} on ${name}`, done, total),
				}),
			);
		}
		for (const { table, measured } of results) {
			for (const [index, variant] of inTables.entries()) {
				if (isInTable(variant.kind, table, model)) {
					const pck = datasetsOf[table.number].flatMap((name) => pckCells(scores.get(name)?.[index]));
					const values =
						table.number === 2
							? [pck[0], ...(await costCells(variant, model, runtime, sets.get('spair') ?? [], job.signal))]
							: pck;
					measured.push({ name: variant.name, kind: rowOf(variant.kind, model), values });
				}
			}
		}
	} finally {
		await runtime.close();
	}
};

/** Every way in which the paper uses a model. All of them go through one network, or two where layers need their own. */
const variantsOf = async (model: InstalledModel, runtime: Runtime): Promise<Variant[]> => {
	const { manifest } = model;
	const layers = await openInversion(model, runtime, { layers: true });
	const sums = layers.manifest === manifest ? layers : await openInversion(model, runtime);
	const variant = (name: string, kind: MethodKind, recipe: FeatureRecipe): Variant => ({
		...{ name, kind },
		extractor: recipeExtractor(usesLayers(manifest, recipe) ? layers : sums, recipe),
	});
	/** By the recipe of the preset that stands for a row of the paper. */
	const byPreset = async (preset: string, name: string, kind: MethodKind): Promise<Variant> => {
		const { features = wholeModel } = await loadPreset(preset);
		return variant(`${manifest.name}, ${name}`, kind, features);
	};
	const stops = ([1, 5, 10] as const).filter((steps) => steps < manifest.schedule.steps);
	return [
		...(manifest.taps.length < 4 ? [] : [await byPreset('sd-layer-4', 'raw layer 4', 'layer-4')]),
		await byPreset('sd-concat-all', 'all raw layers', 'concat-all'),
		variant(manifest.name, await kindOf(model), wholeModel),
		await byPreset(
			'sd15-layer-pruned',
			`heaviest raw layer (${heaviestMap(manifest).layer + 1})`,
			'layer-pruned',
		),
		await byPreset('sd15-pruned', 'heaviest layer only', 'pruned'),
		...(await Promise.all(
			stops.map((steps) =>
				byPreset(`sd15-${steps}`, `${steps} timestep${steps === 1 ? '' : 's'}`, `stopped-${steps}`),
			),
		)),
	];
};

/** Width of the text embedding of Stable Diffusion 2; that of 1 is 768. */
const SD2_WIDTH = 1024;

const kindOf = async (model: InstalledModel): Promise<MethodKind> => {
	const prompt = await readEmptyPrompt(model);
	if (prompt?.dims.at(-1) === SD2_WIDTH) {
		return 'sd2';
	}
	return model.manifest.schedule.steps === 1 ? 'one-step' : 'full';
};

/** Only Stable Diffusion stands for the paper's rows; other models are rows of their own. */
const rowOf = (kind: MethodKind, { manifest }: InstalledModel): MethodKind =>
	manifest.space.kind === 'latent' ? kind : 'other';

/** A model of its own kind belongs into every table that has its rows, the bundled one included. */
const isInTable = (kind: MethodKind, table: PaperTable, { manifest }: InstalledModel): boolean =>
	table.rows.some((row) => row.kind === kind) ||
	// Tables 3 and 4 print the full model only; others stand in for it here.
	((kind === 'one-step' || kind === 'sd2') && manifest.kind === 'diffusion');

const methodOf = (
	{ name, extractor }: Variant,
	{ manifest }: InstalledModel,
	runtime: Runtime,
): KeypointMethod => extractorMethod(name, extractor, pointMatcher('paper', runtime, manifest.image));

const pckCells = (score: MethodScore | undefined): (string | undefined)[] =>
	score === undefined
		? [undefined, undefined]
		: [score.image, score.box].map(({ perPoint }) => (100 * perPoint).toFixed(2));

/** Memory of an image's descriptors, and time for both images of a pair and their match, nothing kept. */
const costCells = async (
	{ extractor }: Variant,
	{ manifest }: InstalledModel,
	runtime: Runtime,
	pairs: readonly KeypointPair[],
	signal: AbortSignal | undefined,
): Promise<(string | undefined)[]> => {
	const timed = pairs.slice(0, TIMED_PAIRS);
	const find = pointMatcher('paper', runtime, manifest.image);
	let [seconds, bytes] = [0, 0];
	for (const { source, target } of timed) {
		throwIfAborted(signal);
		const images = [await readImage(source.path), await readImage(target.path)] as const;
		const start = performance.now();
		const from = await describeImage(extractor, images[0]);
		const to = await describeImage(extractor, images[1]);
		await find(from, to, source.points);
		seconds += (performance.now() - start) / 1000;
		const grid = descriptorGrid(images[0], manifest);
		bytes += 4 * extractor.channels * grid.height * grid.width;
	}
	return timed.length === 0
		? [undefined, undefined]
		: [`${(bytes / timed.length / 1e6).toFixed(1)} MB`, `${(seconds / timed.length).toFixed(2)} s`];
};
