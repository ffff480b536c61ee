import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { readGivenText } from '../core/given-file.js';
import { type Preset, presetFileSchema } from './preset.js';

const DEFAULT_PRESET = 'default';

const presetsFolder = fileURLToPath(new URL('../../presets/', import.meta.url));

/** Names of the presets that come with the package. */
export const presetNames = async (): Promise<string[]> => {
	const files = await readdir(presetsFolder);
	return files
		.filter((file) => file.endsWith('.json'))
		.map((file) => file.slice(0, -'.json'.length))
		.sort();
};

/**
 * Loads a preset by name, or from a file of the user's own (`*.json`).
 *
 * @throws UserError when there is no such preset or the file is not a preset; says which field is wrong
 */
export const loadPreset = async (nameOrFile: string = DEFAULT_PRESET): Promise<Preset> => {
	const isFile = nameOrFile.endsWith('.json');
	if (!isFile && !(await presetNames()).includes(nameOrFile)) {
		throw new UserError(
			`There is no preset "${nameOrFile}"; there are ${(await presetNames()).join(', ')}, or give a .json file.`,
		);
	}
	const path = isFile ? nameOrFile : join(presetsFolder, `${nameOrFile}.json`);
	const text = await readGivenText(path, `The preset "${path}"`);
	let json: unknown;
	try {
		json = JSON.parse(text);
	} catch (cause) {
		throw new UserError(`The preset ${path} is not JSON: ${messageOf(cause)}.`, { cause });
	}
	const result = presetFileSchema.safeParse(json);
	if (!result.success) {
		throw new UserError(`The preset ${path} is not valid: ${firstIssue(result.error)}.`);
	}
	const { propagation } = result.data;
	if (propagation !== undefined) {
		return { ...result.data, propagation };
	}
	if (result.data.name === DEFAULT_PRESET) {
		throw new UserError(`The preset ${path} is not valid: the default preset needs "propagation".`);
	}
	return { ...result.data, propagation: (await loadPreset()).propagation };
};

const firstIssue = (error: z.ZodError): string => {
	const issue = error.issues[0];
	return issue === undefined ? 'unknown problem' : `${issue.path.join('.') || 'top level'}: ${issue.message}`;
};
