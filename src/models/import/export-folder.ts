import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import { readOwnText } from '../../core/regular-file.js';

/** The parts of a diffusers or Optimum export that an import can use. */
export type ExportFolder = {
	readonly unet: string;
	readonly vaeEncoder: string;
	readonly vaeDecoder: string | undefined;
	readonly textEncoder: string | undefined;
	readonly tokenizer: string | undefined;
	/** Side of the square latents. */
	readonly latentSide: number;
	/** Latents are the posterior mean times this. */
	readonly latentScale: number;
	/** Image pixels per latent cell along a side. */
	readonly latentStride: number;
};

type ExportOverrides = {
	/** A UNet file other than `<folder>/unet/model.onnx`. */
	readonly unet?: string | undefined;
	readonly vaeEncoder?: string | undefined;
};

/** Stable Diffusion's, which old configurations leave out. */
const DEFAULT_SCALE = 0.18215;

/** Images of 4096 pixels: nothing that is called Stable Diffusion is larger. */
const MAX_LATENT_SIDE = 512;
const MAX_CONFIG_BYTES = 1 << 20;

const unetConfigSchema = z.object({ sample_size: z.int().positive().max(MAX_LATENT_SIDE) });
const vaeConfigSchema = z.object({
	scaling_factor: z.number().positive().optional(),
	block_out_channels: z.array(z.number()).min(1).max(8).optional(),
});

const readConfig = async <T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> => {
	const found = await stat(path).catch(() => undefined);
	const usable = found?.isFile() === true && found.size <= MAX_CONFIG_BYTES;
	const text = usable ? await readOwnText(path).catch(() => undefined) : undefined;
	if (text === undefined) {
		return undefined;
	}
	try {
		return schema.parse(JSON.parse(text));
	} catch (error) {
		throw new UserError(`${path} can't be read as a diffusers configuration; download or export it again.`, {
			cause: error,
		});
	}
};

const requireFile = async (path: string, what: string, option: string): Promise<string> => {
	const found = await stat(path).catch(() => undefined);
	if (found?.isFile() !== true) {
		throw new UserError(
			`There is no ${what} at ${path}; expected an ONNX export in diffusers' layout, or ${option}.`,
		);
	}
	return path;
};

/**
 * Finds the parts of an export in the layout that diffusers and Optimum write.
 * The scheduler's configuration is not read: the paper's inversion has its own schedule.
 *
 * @throws UserError when the UNet, its configuration or the VAE encoder is missing
 */
export const openExportFolder = async (
	folder: string,
	overrides: ExportOverrides = {},
): Promise<ExportFolder> => {
	const part = (name: string): string => join(folder, name, 'model.onnx');
	const optional = (path: string): string | undefined =>
		statSync(path, { throwIfNoEntry: false })?.isFile() === true ? path : undefined;
	const tokenizer = join(folder, 'tokenizer');
	const unetConfigPath = join(folder, 'unet', 'config.json');
	const unetConfig = await readConfig(unetConfigPath, unetConfigSchema);
	if (unetConfig === undefined) {
		throw new UserError(
			`${folder} is not a Stable Diffusion export: it has no ${join('unet', 'config.json')}; expected the layout of diffusers or Optimum.`,
		);
	}
	const vaeConfig =
		(await readConfig(join(folder, 'vae_encoder', 'config.json'), vaeConfigSchema)) ??
		(await readConfig(join(folder, 'vae', 'config.json'), vaeConfigSchema));
	return {
		unet: await requireFile(overrides.unet ?? part('unet'), 'UNet', '--unet <file>'),
		vaeEncoder: await requireFile(
			overrides.vaeEncoder ?? part('vae_encoder'),
			'VAE encoder',
			'--vae-encoder <file>',
		),
		vaeDecoder: optional(part('vae_decoder')),
		textEncoder: optional(part('text_encoder')),
		tokenizer: optional(join(tokenizer, 'vocab.json')) === undefined ? undefined : tokenizer,
		latentSide: unetConfig.sample_size,
		latentScale: vaeConfig?.scaling_factor ?? DEFAULT_SCALE,
		// Each block but the last halves the size.
		latentStride: 2 ** ((vaeConfig?.block_out_channels?.length ?? 4) - 1),
	};
};
