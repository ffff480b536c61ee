import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { readGivenText } from '../core/given-file.js';
import type { Quality } from '../core/quality.js';
import { featureRecipeSchema, precisions } from '../features/recipe.js';
import { propagationSettingsSchema } from '../masks/labels/settings.js';

/** A preset file: named settings of a whole run, as data. */
const presetFileSchema = z.strictObject({
	name: z.string().min(1),
	description: z.string(),
	/** Model that the preset is for; the bundled one when left out. */
	model: z.string().optional(),
	/** Whether CPUs may run the model's 8-bit graph. */
	precision: z.enum(precisions).default('fast'),
	/** Which of the model's maps are used; all of them, as trained, when left out. */
	features: featureRecipeSchema.optional(),
	/** Whether masks are tracked by the mask decoder; without it labels are propagated on descriptors alone, as in the paper. */
	decoder: z.boolean().default(true),
	/** How labels are carried without the decoder; the default preset's way when left out. */
	propagation: propagationSettingsSchema.optional(),
});

type PresetFile = z.infer<typeof presetFileSchema>;

/** A preset with nothing left open but the model. */
export type Preset = PresetFile & { readonly propagation: NonNullable<PresetFile['propagation']> };

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

/**
 * A preset with the settings that trade quality for speed replaced. Without a quality it is returned as it is;
 * the default preset is `balanced`.
 */
export const withQuality = (preset: Preset, quality: Quality | undefined): Preset => {
	const { propagation } = preset;
	switch (quality) {
		case undefined:
			return preset;
		case 'fast':
			return {
				...preset,
				precision: 'fast',
				propagation: {
					...propagation,
					candidates: 8,
					recentFrames: Math.min(propagation.recentFrames, 3),
				},
			};
		case 'balanced':
			return { ...preset, precision: 'fast', propagation: { ...propagation, candidates: 16 } };
		case 'best':
			return { ...preset, precision: 'full', propagation: { ...propagation, candidates: null } };
	}
};
