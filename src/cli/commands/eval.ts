import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Quality } from '../../core/quality.js';
import { type Baseline, baselineNames } from '../../evaluation/baseline.js';
import type { PointMode } from '../../pairs/modes.js';
import { cancelOnInterrupt } from '../cancellation.js';
import {
	type ModelOptions,
	positiveInteger,
	qualityOption,
	type ReportOptions,
	withModelOptions,
	withPointMode,
	withReportOptions,
} from '../common-options.js';
import { Reporter } from '../reporter.js';

type EvalOptions = ModelOptions &
	ReportOptions & {
		readonly preset?: string;
		readonly quality?: Quality;
		readonly limit?: number;
		readonly sequences?: string;
		readonly mode: PointMode;
		readonly pairs?: string;
		readonly baselines?: true | readonly Baseline[];
	};

const baselineList = (text: string): Baseline[] =>
	text.split(',').map((name) => {
		const known = baselineNames.find((baseline) => baseline === name);
		if (known === undefined) {
			throw new InvalidArgumentError(`There is no "${name}"; there are ${baselineNames.join(', ')}.`);
		}
		return known;
	});

export const registerEval = (program: Command): void => {
	const command = program
		.command('eval')
		.description('measure quality on a data set in its own layout')
		.argument('<dataset>', 'davis, spair, pf-willow, pf-pascal, cub or tss')
		.argument('<root>', 'folder of the data set')
		.option('--preset <name|file.json>', 'model, maps and (on clips) settings to use')
		.addOption(qualityOption())
		.option('--limit <n>', 'only the first n sequences, or n pairs spread over the set', positiveInteger)
		.addOption(new Option('--sequences <a,b>', 'only these sequences').conflicts('limit'))
		.option('--pairs <json>', "keypoint sets: a list of pairs in the paper's format instead of the set's own")
		.option(
			'--baselines [names]',
			`pair sets: measure these on the same pairs, too (default: ${baselineNames.join()})`,
			baselineList,
		);
	withReportOptions(withModelOptions(withPointMode(command))).action(
		async (dataset: string, root: string, options: EvalOptions) => {
			if (dataset === 'davis') {
				await evaluateDavis(root, options);
			} else {
				await evaluatePairs(dataset, root, options);
			}
		},
	);
};

const evaluateDavis = async (root: string, options: EvalOptions): Promise<void> => {
	const { evaluateDavisModel } = await import('../../jobs/evaluate-davis-model.js');
	const { davisTable } = await import('../../evaluation/evaluate-davis.js');
	const reporter = new Reporter(options);
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
	reporter.print(davisTable({ sequences, ...score }));
};

const evaluatePairs = async (dataset: string, root: string, options: EvalOptions): Promise<void> => {
	const { evaluateFlowPairs, evaluateKeypointPairs, requirePairDataset } = await import(
		'../../jobs/evaluate-pairs.js'
	);
	const { flowTable, keypointTable } = await import('../../evaluation/pairs/score-tables.js');
	const { preset, mode, json, quiet, model, device, threads, limit, pairs, baselines } = options;
	const set = requirePairDataset(dataset);
	const reporter = new Reporter({ json, quiet });
	const job = {
		root,
		model,
		preset,
		device,
		threads,
		mode,
		baselines: baselines === true ? baselineNames : baselines,
		limit,
		signal: cancelOnInterrupt(),
		onPair: (done: number, total: number) => reporter.progress({ done, total }, 'pairs'),
	};
	const measured =
		set === 'tss'
			? await evaluateFlowPairs(job).then((methods) => ({ methods, table: flowTable(methods) }))
			: await evaluateKeypointPairs({ ...job, dataset: set, pairs }).then((methods) => ({
					methods,
					table: keypointTable(methods),
				}));
	reporter.end();
	reporter.record({ type: 'done', dataset, methods: measured.methods });
	reporter.print(measured.table);
};
