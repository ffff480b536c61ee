import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Raster } from '../../src/media/frame.js';
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
	/** The case whose aggregation weights are used, such as `inv1`. */
	readonly weights: string;
	/** A UNet below `sd15/`. */
	readonly unet?: string;
	readonly vaeEncoder?: string;
};

/** A temporary folder for models that removes itself. */
export const temporaryModels = async (): Promise<{ folder: string; remove(): Promise<void> }> => {
	const folder = await mkdtemp(join(tmpdir(), 'propagate-models-'));
	return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
};

/** Imports the reduced Stable Diffusion 1.5 of the reference. */
export const importFixture = (
	{ weights, unet, vaeEncoder }: FixtureImport,
	modelsFolder: string,
	runtime: Runtime,
): Promise<ImportResult> =>
	importModel({
		exportFolder: reference('sd15'),
		unet: unet === undefined ? undefined : reference('sd15', unet),
		vaeEncoder: vaeEncoder === undefined ? undefined : reference('sd15', vaeEncoder),
		aggregation: reference(weights, 'aggregation_network.pt'),
		name: `${weights}-fixture`,
		overwrite: true,
		modelsFolder,
		runtime,
	});
