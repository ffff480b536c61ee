import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { messageOf, UserError } from '../../core/errors.js';
import { readOwnText } from '../../core/regular-file.js';

/**
 * Loads a description from a folder of `presets/` by name, or from a file of the user's own (`*.json`).
 *
 * @param kind the folder, such as `backbones`
 * @throws UserError when there is none of that name or it does not follow the schema; says which field is wrong
 */
export const loadDescription = async <Description>(
	kind: 'backbones' | 'pair-models',
	nameOrFile: string,
	schema: z.ZodType<Description>,
): Promise<Description> => {
	const folder = fileURLToPath(new URL(`../../../presets/${kind}/`, import.meta.url));
	const names = (await readdir(folder)).map((file) => file.replace(/\.json$/, '')).sort();
	const isFile = nameOrFile.endsWith('.json');
	if (!isFile && !names.includes(nameOrFile)) {
		throw new UserError(
			`There is no description "${nameOrFile}"; there are ${names.join(', ')}, or give a .json file.`,
		);
	}
	const path = isFile ? nameOrFile : join(folder, `${nameOrFile}.json`);
	let json: unknown;
	try {
		json = JSON.parse(await readOwnText(path));
	} catch (cause) {
		throw new UserError(`The description ${path} can't be read: ${messageOf(cause)}.`, { cause });
	}
	const parsed = schema.safeParse(json);
	if (!parsed.success) {
		throw new UserError(
			`The description ${path} is not valid: ${z.prettifyError(parsed.error).replaceAll('\n', ' ')}.`,
		);
	}
	return parsed.data;
};
