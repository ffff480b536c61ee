import type { Command } from 'commander';
import { UserError } from '../../core/errors.js';
import {
	type ModelOptions,
	oneOutput,
	overwriteOption,
	presetOption,
	type ReportOptions,
	withModelOptions,
	withReportOptions,
} from '../common-options.js';
import { Reporter } from '../reporter.js';

type FeaturesOptions = ModelOptions &
	ReportOptions & {
		readonly output?: string;
		readonly preset?: string;
		readonly pca?: string;
		readonly overwrite?: boolean;
	};

export const registerFeatures = (program: Command): void => {
	withReportOptions(
		withModelOptions(
			program
				.command('features')
				.description("images' descriptor maps, as numbers or as a picture")
				.argument('<images...>')
				.option(
					'-o, --output <npy>',
					'write the map of one image, float32 [1, C, H, W], as aggregated',
					oneOutput,
				)
				.option(
					'--pca <png>',
					'write three principal components as red, green and blue; of several images together',
				)
				.addOption(presetOption())
				.addOption(overwriteOption()),
		),
	).action(async (images: string[], options: FeaturesOptions) => {
		if (options.output === undefined && options.pca === undefined) {
			throw new UserError('Nothing to write; give -o <npy>, --pca <png> or both.');
		}
		const { exportFeatures } = await import('../../jobs/export-features.js');
		await exportFeatures(images, options);
		const outputs = [options.output, options.pca].filter((path) => path !== undefined);
		const reporter = new Reporter(options);
		reporter.record({ type: 'done', outputs });
		for (const output of outputs) {
			reporter.line(`wrote ${output}`);
		}
	});
};
