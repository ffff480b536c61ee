import { join, resolve } from 'node:path';
import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { readGivenText } from '../core/given-file.js';
import {
	type ClickManifest,
	clickManifestSchema,
	type InstalledTracker,
	type Manifest,
	manifestSchema,
	type PairManifest,
	pairManifestSchema,
	trackerManifestSchema,
} from './manifest.js';

/** A model on this machine: its folder and what its `manifest.json` says. */
export type InstalledModel = { readonly folder: string; readonly manifest: Manifest };

export const MANIFEST_FILE = 'manifest.json';

/**
 * Reads the manifest of a model folder.
 *
 * @throws UserError when there is none, it does not follow the schema, or the model is a pair model
 */
export const readModelFolder = async (folder: string): Promise<InstalledModel> => {
	const json = await readManifest(folder);
	if (isPairManifest(json)) {
		throw new UserError(
			`The model in ${folder} matches two images by itself and has no features; use it with "match", "warp" or "eval".`,
		);
	}
	return { folder: resolve(folder), manifest: parsed(manifestSchema, json, folder) };
};

/** A model that matches two images by itself. */
export type InstalledPairModel = { readonly folder: string; readonly manifest: PairManifest };

export const isPairModel = (model: InstalledModel | InstalledPairModel): model is InstalledPairModel =>
	model.manifest.kind === 'pair';

/** As {@link readModelFolder}, for pair models. */
export const readPairModelFolder = async (folder: string): Promise<InstalledPairModel> => ({
	folder: resolve(folder),
	manifest: parsed(pairManifestSchema, await readManifest(folder), folder),
});

/**
 * As {@link readModelFolder}, for mask trackers.
 *
 * @throws UserError when the folder holds none
 */
export const readTrackerFolder = async (folder: string): Promise<InstalledTracker> => ({
	folder: resolve(folder),
	manifest: parsed(trackerManifestSchema, await readManifest(folder), folder),
});

/** A click decoder on this machine, and the model that it stands on. */
export type InstalledClickDecoder = {
	readonly folder: string;
	readonly manifest: ClickManifest;
	readonly model: InstalledModel;
};

/**
 * As {@link readModelFolder}, for click decoders, with the model whose folder theirs lies in.
 *
 * @throws UserError when the folder holds none
 */
export const readClicksFolder = async (folder: string): Promise<InstalledClickDecoder> => ({
	folder: resolve(folder),
	manifest: parsed(clickManifestSchema, await readManifest(folder), folder),
	model: await readModelFolder(join(folder, '..')),
});

/** Either kind of model. */
export const readAnyModelFolder = async (folder: string): Promise<InstalledModel | InstalledPairModel> =>
	isPairManifest(await readManifest(folder)) ? readPairModelFolder(folder) : readModelFolder(folder);

const isPairManifest = (json: unknown): boolean =>
	z.object({ kind: z.literal('pair') }).safeParse(json).success;

const readManifest = async (folder: string): Promise<unknown> => {
	const path = join(folder, MANIFEST_FILE);
	const text = await readGivenText(path).catch((error: unknown) => {
		throw new UserError(
			`${folder} is not a model: it has no readable ${MANIFEST_FILE}; import one with "propagate models import".`,
			{ cause: error },
		);
	});
	try {
		return JSON.parse(text);
	} catch (error) {
		throw new UserError(`${path} is not valid JSON; import or pull the model again.`, { cause: error });
	}
};

const parsed = <Content>(schema: z.ZodType<Content>, json: unknown, folder: string): Content => {
	const result = schema.safeParse(json);
	if (!result.success) {
		throw new UserError(
			`${join(folder, MANIFEST_FILE)} does not describe a model that this version can read: ${z.prettifyError(result.error).replaceAll('\n', ' ')}; import or pull the model again.`,
		);
	}
	return result.data;
};
