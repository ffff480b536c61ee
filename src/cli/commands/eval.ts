import { type Command, Option } from 'commander';
import { UserError } from '../../errors.js';
import type { Quality } from '../../presets/quality.js';
import { cancelOnInterrupt } from '../cancellation.js';
import {
	type ModelOptions,
	positiveInteger,
	qualityOption,
	type ReportOptions,
	withModelOptions,
	withReportOptions,
} from '../common-options.js';
import { Reporter } from '../reporter.js';

type EvalOptions = ModelOptions &
	ReportOptions & {
		readonly preset?: string;
		readonly quality?: Quality;
		readonly limit?: number;
		readonly sequences?: string;
	};

export const registerEval = (program: Command): void => {
	const command = program
		.command('eval')
		.description('measure quality on a data set in its own layout')
		.argument('<dataset>', 'davis')
		.argument('<root>', 'folder of the data set')
		.option('--preset <name|file.json>', 'settings of the run')
		.addOption(qualityOption())
		.option('--limit <n>', 'only the first n sequences', positiveInteger)
		.addOption(new Option('--sequences <a,b>', 'only these sequences').conflicts('limit'));
	withReportOptions(withModelOptions(command)).action(
		async (dataset: string, root: string, options: EvalOptions) => {
			if (dataset !== 'davis') {
				throw new UserError(`There is no data set "${dataset}"; there is davis.`);
			}
			await evaluateDavis(root, options);
		},
	);
};

const evaluateDavis = async (root: string, options: EvalOptions): Promise<void> => {
	const { evaluateDavisModel } = await import('../../jobs/evaluate-davis-model.js');
	const { davisTable } = await import('../../evaluation/score-table.js');
	const reporter = new Reporter({ json: options.json === true, quiet: options.quiet === true });
	const { sequences, ...score } = await evaluateDavisModel({
		root,
		model: options.model,
		device: options.device,
		threads: options.threads,
		preset: options.preset,
		quality: options.quality,
		limit: options.limit,
		sequences: options.sequences?.split(','),
		signal: cancelOnInterrupt(),
		onSequence: (sequence) => {
			reporter.record({ type: 'sequence', ...sequence });
			reporter.line(`${sequence.name}  J&F ${(100 * sequence.jAndF).toFixed(1)}`);
		},
	});
	reporter.record({ type: 'done', dataset: 'davis', ...score });
	if (options.json !== true) {
		process.stdout.write(`${davisTable({ sequences, ...score })}\n`);
	}
};
