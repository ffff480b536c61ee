import { type Command, Option } from 'commander';
import type { Quality } from '../core/quality.js';
import type { JobDefaults } from '../jobs/job-list.js';
import { type ModelOptions, oneOutput, overwriteOption, qualityOption } from './common-options.js';

/** What the command line says for jobs of a list that do not say otherwise. */
export type JobDefaultsOptions = Partial<ModelOptions> & {
	readonly output?: string;
	readonly format?: string;
	readonly for?: string;
	readonly preset?: string;
	readonly quality?: Quality;
	readonly overwrite?: boolean;
};

/** Adds the list that a command takes, and what it says for jobs that do not say otherwise. */
export const withJobList = (command: Command): Command =>
	command
		.argument(
			'<list>',
			'jobs as .json, .jsonl or .csv, or a folder of clips with masks of the same names (docs/batch.md)',
		)
		.optionsGroup('For jobs that do not say otherwise:')
		.option('-o, --output <folder>', 'folder for their results, each called as its clip', oneOutput)
		.option('--format <name>', 'what to write (see "propagate formats")')
		.addOption(
			new Option('--for <program>', 'write what an editor wants (see "propagate presets editors")').conflicts(
				'format',
			),
		)
		.option('--preset <name|file.json>', 'settings of the runs (see "propagate presets list")')
		.addOption(qualityOption())
		.addOption(overwriteOption());

export const jobDefaultsOf = ({ output: results, ...options }: JobDefaultsOptions): JobDefaults => ({
	...{ results, format: options.format, for: options.for, preset: options.preset },
	...{ quality: options.quality, model: options.model, device: options.device },
	...{ threads: options.threads, overwrite: options.overwrite },
});
