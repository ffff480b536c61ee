import type { Command } from 'commander';
import { UserError } from '../../errors.js';
import { type ModelOptions, presetOption, withModelOptions } from '../common-options.js';

type FeaturesOptions = ModelOptions & {
	readonly output?: string;
	readonly preset?: string;
	readonly pca?: string;
	readonly overwrite?: boolean;
};

export const registerFeatures = (program: Command): void => {
	withModelOptions(
		program
			.command('features')
			.description("images' descriptor maps, as numbers or as a picture")
			.argument('<images...>')
			.option('-o, --output <npy>', 'write the map of one image, float32 [1, C, H, W], as aggregated')
			.option(
				'--pca <png>',
				'write three principal components as red, green and blue; of several images together',
			)
			.addOption(presetOption())
			.option('--overwrite', 'replace outputs that exist'),
	).action(async (images: string[], options: FeaturesOptions) => {
		if (options.output === undefined && options.pca === undefined) {
			throw new UserError('Nothing to write; give -o <npy>, --pca <png> or both.');
		}
		const { exportFeatures } = await import('../../jobs/export-features.js');
		await exportFeatures(images, options);
	});
};
