import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { UserError } from '../../core/errors.js';

const repositorySchema = z.strictObject({
	/** `owner/name` on the hub. */
	repository: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
	/** Branch, tag or commit. */
	revision: z.string().default('main'),
});

const licenseSchema = z.strictObject({ name: z.string(), url: z.url() });

/** Where a model can be had from, as data: `presets/sources/<name>.json`. */
const modelSourceSchema = z.strictObject({
	name: z.string(),
	description: z.string(),
	/** The ONNX export, in the layout of diffusers or Optimum. */
	export: repositorySchema.extend({ license: licenseSchema }),
	/** The aggregation weights; without them only the layers themselves can be used. */
	aggregation: repositorySchema.extend({ file: z.string(), license: licenseSchema }).optional(),
	/** A backbone that is no diffusion model: its description (`presets/backbones`), and the file to take. */
	backbone: z.strictObject({ description: z.string(), file: z.string() }).optional(),
});

export type ModelSource = z.infer<typeof modelSourceSchema>;

const sourcesFolder = fileURLToPath(new URL('../../../presets/sources/', import.meta.url));

/** Names that `models pull` takes. */
export const sourceNames = async (): Promise<string[]> =>
	(await readdir(sourcesFolder))
		.filter((file) => file.endsWith('.json'))
		.map((file) => file.slice(0, -'.json'.length))
		.sort();

/** @throws UserError when there is none of that name; the message lists those there are */
export const loadSource = async (name: string): Promise<ModelSource> => {
	const names = await sourceNames();
	if (!names.includes(name)) {
		throw new UserError(
			`There is no model "${name}" to pull; there are ${names.join(', ')}. Import other exports with "propagate models import".`,
		);
	}
	return modelSourceSchema.parse(JSON.parse(await readFile(join(sourcesFolder, `${name}.json`), 'utf8')));
};
