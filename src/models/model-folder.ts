import { readFile } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { type Manifest, manifestSchema } from './manifest.js';

/** A model on this machine: its folder and what its `manifest.json` says. */
export type InstalledModel = { readonly folder: string; readonly manifest: Manifest };

export const MANIFEST_FILE = 'manifest.json';

/**
 * The absolute path of a file that a manifest or a graph names. Names come from downloaded files,
 * so one that leads out of the folder is refused.
 *
 * @throws UserError when `name` is absolute or climbs out of `folder`
 */
export const pathInside = (folder: string, name: string): string => {
	const path = resolve(folder, name);
	const fromFolder = relative(folder, path);
	const escapes = fromFolder === '..' || fromFolder.startsWith(`..${sep}`) || isAbsolute(fromFolder);
	if (isAbsolute(name) || escapes || fromFolder === '' || name.includes('\0')) {
		throw new UserError(
			`The model in ${folder} refers to "${name}", which is outside its folder; files of a model must lie in its own folder.`,
		);
	}
	return path;
};

/**
 * Reads the manifest of a model folder.
 *
 * @throws UserError when there is none or it does not follow the schema
 */
export const readModelFolder = async (folder: string): Promise<InstalledModel> => {
	const path = join(folder, MANIFEST_FILE);
	const text = await readFile(path, 'utf8').catch((error: unknown) => {
		throw new UserError(
			`${folder} is not a model: it has no readable ${MANIFEST_FILE}; import one with "propagate models import".`,
			{ cause: error },
		);
	});
	let json: unknown;
	try {
		json = JSON.parse(text);
	} catch (error) {
		throw new UserError(`${path} is not valid JSON; import or pull the model again.`, { cause: error });
	}
	const parsed = manifestSchema.safeParse(json);
	if (!parsed.success) {
		throw new UserError(
			`${path} does not describe a model that this version can read: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}; import or pull the model again.`,
		);
	}
	return { folder: resolve(folder), manifest: parsed.data };
};
