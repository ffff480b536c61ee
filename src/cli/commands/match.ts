import { type Command, Option } from 'commander';
import type { PointMode } from '../../pairs/modes.js';
import {
	type ModelOptions,
	oneOutput,
	overwriteOption,
	positiveInteger,
	presetOption,
	type ReportOptions,
	withModelOptions,
	withPointMode,
	withReportOptions,
} from '../common-options.js';
import { Reporter } from '../reporter.js';

type MatchOptions = ModelOptions &
	ReportOptions & {
		readonly preset?: string;
		readonly mode: PointMode;
		readonly points?: string;
		readonly mutual?: number;
		readonly output?: string;
		readonly sourceMask?: string;
		readonly targetMask?: string;
		readonly sourceFeatures?: string;
		readonly targetFeatures?: string;
		readonly overwrite?: boolean;
	};

export const registerMatch = (program: Command): void => {
	const command = program
		.command('match')
		.description('finds points of one image in another')
		.argument('<a>', 'image that the points belong to')
		.argument('<b>', 'image in which they are looked for')
		.option('--points <json|file>', 'points [[x, y], …] in pixels of a: JSON text, or a .json or .csv file')
		.addOption(
			new Option('--mutual <n>', 'choose n points: mutual nearest neighbours, spread over the parts')
				.argParser(positiveInteger)
				.conflicts('points'),
		)
		.option('-o, --output <file>', 'write a .json, or a picture of both images side by side', oneOutput)
		.option('--source-mask <png>', 'with --mutual: choose points only in what this mask marks in a')
		.option('--target-mask <png>', 'look only in what this mask marks in b')
		.option(
			'--source-features <npy>',
			'descriptors of a that "features" or "generate" wrote, instead of its own',
		)
		.option('--target-features <npy>', 'the same of b')
		.addOption(presetOption())
		.addOption(overwriteOption());
	withReportOptions(withModelOptions(withPointMode(command))).action(
		async (a: string, b: string, options: MatchOptions) => {
			const { json, quiet, ...job } = options;
			const { matchPair } = await import('../../jobs/match-pair.js');
			const reporter = new Reporter({ json, quiet });
			const matches = await matchPair({ ...job, source: a, target: b });
			reporter.record({ matches });
			for (const { source, target, score, name } of matches) {
				const places = [source, target].map((point) => point.map((value) => value.toFixed(1)).join(', '));
				reporter.print(`${places.join('  ->  ')}  ${score.toFixed(3)}${name ? `  ${name}` : ''}`);
			}
			if (job.output !== undefined) {
				reporter.line(`wrote ${job.output}`);
			}
		},
	);
};
