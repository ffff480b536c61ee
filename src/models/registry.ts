import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '../core/errors.js';
import { bundledModelsFolder, userModelsFolder } from '../store/locations.js';
import {
	type InstalledModel,
	type InstalledPairModel,
	MANIFEST_FILE,
	readAnyModelFolder,
	readModelFolder,
} from './model-folder.js';

/** The model that is used when none is asked for. */
export const DEFAULT_MODEL = 'propagate-small';

/** Folders that are searched for models by name, in order: the bundled ones win. */
const searchFolders = (env: NodeJS.ProcessEnv): string[] => [bundledModelsFolder(), userModelsFolder(env)];

const modelFoldersIn = async (folder: string): Promise<string[]> => {
	const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
	return entries
		.filter((entry) => !entry.name.startsWith('.') && existsSync(join(folder, entry.name, MANIFEST_FILE)))
		.map((entry) => join(folder, entry.name))
		.sort();
};

/** Every model on this machine, bundled ones first. A folder whose manifest can't be read is given as its error. */
export const listModels = async (
	env: NodeJS.ProcessEnv = process.env,
): Promise<(InstalledModel | InstalledPairModel | { readonly folder: string; readonly error: Error })[]> => {
	const folders = (await Promise.all(searchFolders(env).map(modelFoldersIn))).flat();
	return Promise.all(
		folders.map((folder) =>
			readAnyModelFolder(folder).catch((error: unknown) => ({
				folder,
				error: error instanceof Error ? error : new Error(String(error)),
			})),
		),
	);
};

const looksLikePath = (model: string): boolean => /[/\\]/.test(model) || model === '.' || model === '..';

/**
 * Finds a model by name (bundled, then under `PROPAGATE_HOME`) or by the path of its folder.
 *
 * @throws UserError when there is no such model; the message lists those that there are
 */
export const findModel = async (
	model: string = DEFAULT_MODEL,
	env: NodeJS.ProcessEnv = process.env,
): Promise<InstalledModel> => readModelFolder(await modelFolder(model, env));

/** As {@link findModel}, for models of either kind: those with features, and pair models. */
export const findAnyModel = async (
	model: string = DEFAULT_MODEL,
	env: NodeJS.ProcessEnv = process.env,
): Promise<InstalledModel | InstalledPairModel> => readAnyModelFolder(await modelFolder(model, env));

const modelFolder = async (model: string, env: NodeJS.ProcessEnv): Promise<string> => {
	if (looksLikePath(model)) {
		return resolve(model);
	}
	for (const folder of searchFolders(env)) {
		if (existsSync(join(folder, model, MANIFEST_FILE))) {
			return join(folder, model);
		}
	}
	if (existsSync(join(model, MANIFEST_FILE))) {
		return resolve(model);
	}
	const names = (await listModels(env)).flatMap((found) =>
		'manifest' in found ? [found.manifest.name] : [],
	);
	throw new UserError(
		`There is no model "${model}"; installed are ${names.join(', ') || 'none'}. Add one with "propagate models import" or "propagate models pull".`,
	);
};
