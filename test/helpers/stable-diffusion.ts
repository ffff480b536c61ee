import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Raster } from '../../src/core/frame.js';
import { type ImportResult, importModel } from '../../src/models/import/import-model.js';
import type { Runtime } from '../../src/runtime/session.js';
import { shared } from './shared.js';

/** A file of the numerical reference, the published code's results on reduced Stable Diffusion models. */
export const reference = (...parts: string[]): string => shared('fixtures', 'sd', ...parts);

export const readImage = async (path: string): Promise<Raster<3>> => {
	const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
	return { width: info.width, height: info.height, channels: 3, data };
};

export type FixtureImport = {
	/** The case whose aggregation weights are used, such as `inv1`; none for the layers alone. */
	readonly weights?: string;
	/** The export: `sd15` (default) or `sd21`. */
	readonly export?: string;
	/** Files relative to the reference's folder. */
	readonly unet?: string;
	readonly vaeEncoder?: string;
	readonly emptyPrompt?: string;
	readonly grid?: number;
};

/** A temporary folder for models that removes itself. */
export const temporaryModels = async (): Promise<{ folder: string; remove(): Promise<void> }> => {
	const folder = await mkdtemp(join(tmpdir(), 'propagate-models-'));
	return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
};

/** Imports one of the reference's reduced Stable Diffusion models. */
export const importFixture = (
	{ weights, export: folder = 'sd15', unet, vaeEncoder, emptyPrompt, grid }: FixtureImport,
	modelsFolder: string,
	runtime: Runtime,
): Promise<ImportResult> => {
	const optional = (file: string | undefined) => (file === undefined ? undefined : reference(file));
	return importModel({
		exportFolder: reference(folder),
		unet: optional(unet),
		vaeEncoder: optional(vaeEncoder),
		emptyPrompt: optional(emptyPrompt),
		aggregation: weights === undefined ? undefined : reference(weights, 'aggregation_network.pt'),
		grid,
		name: `${weights ?? 'raw'}-fixture`,
		overwrite: true,
		modelsFolder,
		runtime,
	});
};

type Numbers = readonly number[];

/** The parts of the reference's `manifest.json` that tests read. */
export type ReferenceCase = {
	readonly feature_dims: Numbers;
	readonly corr: {
		readonly [setting in 'validate_img' | 'validate_bbox']: {
			readonly distances: Numbers;
			readonly hits: Numbers;
		};
	} & {
		readonly demo: { readonly load_size: Numbers; readonly distances: Numbers };
		readonly sweep: Record<string, { readonly img: number; readonly bbox: number }>;
		readonly loss: { readonly value: number };
	};
};

export const referenceCase = async (name: string): Promise<ReferenceCase> => {
	const { cases } = JSON.parse(await readFile(reference('manifest.json'), 'utf8')) as {
		cases: Record<string, ReferenceCase>;
	};
	const found = cases[name];
	if (found === undefined) {
		throw new Error(`The reference has no case ${name}.`);
	}
	return found;
};

type Corner = readonly [number, number];
/** The annotated pair: points are x, y in the original images. */
export type Annotation = {
	readonly source_points: readonly Corner[];
	readonly target_points: readonly Corner[];
	readonly source_size: Corner;
	readonly target_size: Corner;
	readonly target_bounding_box: readonly [number, number, number, number];
};

export const readAnnotation = async (): Promise<Annotation> =>
	JSON.parse(await readFile(reference('inputs', 'annotation.json'), 'utf8')) as Annotation;
