import { type Command, InvalidArgumentError, Option } from 'commander';
import { requireFree } from '../../core/atomic-file.js';
import { UserError } from '../../core/errors.js';
import { cancelOnInterrupt } from '../cancellation.js';
import {
	type ModelOptions,
	oneOutput,
	overwriteOption,
	positiveInteger,
	type ReportOptions,
	withDeviceOptions,
	withModelOptions,
	withReportOptions,
} from '../common-options.js';
import { Reporter } from '../reporter.js';

type TableNumber = 1 | 2 | 3 | 4;
type SetOptions = {
	readonly spair?: string;
	readonly cub?: string;
	readonly pfPascal?: string;
	readonly pfWillow?: string;
};
type TablesOptions = Omit<ModelOptions, 'model'> &
	ReportOptions &
	SetOptions & { readonly tables: readonly TableNumber[]; readonly limit?: number };

const tableNumbers = (text: string): TableNumber[] => {
	const numbers = text.split(',').map(Number);
	if (numbers.some((number) => ![1, 2, 3, 4].includes(number))) {
		throw new InvalidArgumentError('Expected numbers of tables, such as 1,3.');
	}
	return numbers as TableNumber[];
};

const tablesCommand = (paper: Command): void => {
	const command = paper
		.command('tables', { isDefault: true })
		.description("the paper's tables for every installed model; what isn't there is left out by name")
		.addOption(
			new Option('--tables <numbers>', 'which of them')
				.argParser(tableNumbers)
				.default([1, 3, 4, 2], '1,3,4,2'),
		)
		.option('--spair <folder>', 'SPair-71k (tables 1, 2 and 4)')
		.option('--cub <folder>', 'CUB-200-2011 (table 1)')
		.option('--pf-pascal <folder>', 'PF-PASCAL (table 3)')
		.option('--pf-willow <folder>', 'PF-WILLOW (table 3)')
		.option('--limit <n>', 'only n pairs of each set, spread over it', positiveInteger);
	withReportOptions(withDeviceOptions(command)).action(async (options: TablesOptions) => {
		const { spair, cub, pfPascal, pfWillow, json, quiet, ...job } = options;
		const given = { spair, cub, 'pf-pascal': pfPascal, 'pf-willow': pfWillow };
		const roots = Object.fromEntries(
			Object.entries(given).flatMap(([name, root]) => (root === undefined ? [] : [[name, root]])),
		);
		if (Object.keys(roots).length === 0) {
			throw new UserError('There is nothing to measure on; give --spair, --cub, --pf-pascal or --pf-willow.');
		}
		const { reproduceTables } = await import('../../jobs/reproduce-tables.js');
		const { tableText } = await import('../../evaluation/paper-tables.js');
		const reporter = new Reporter({ json, quiet });
		const results = await reproduceTables({
			...job,
			roots,
			signal: cancelOnInterrupt(),
			onProgress: (what, done, total) => {
				if (done === 1) {
					reporter.line(what);
				}
				reporter.progress({ done, total }, 'pairs');
			},
		});
		reporter.end();
		const notGiven = Object.keys(given).filter((name) => !(name in roots));
		for (const { table, measured } of results) {
			reporter.record({ type: 'table', number: table.number, columns: table.columns, measured });
		}
		reporter.record({ type: 'done', notGiven });
		reporter.print(results.map(({ table, measured }) => tableText(table, measured)).join('\n\n'));
		if (notGiven.length > 0) {
			reporter.print(`\nData sets not given: ${notGiven.join(', ')}.`);
		}
	});
};

type LayersOptions = ModelOptions &
	ReportOptions & { readonly output?: string; readonly limit?: number; readonly overwrite?: boolean };

const layersCommand = (paper: Command): void => {
	const command = paper
		.command('layers')
		.description('PCK of the raw features of every layer and timestep, as in figures 7 and 9')
		.argument('<dataset>', 'spair, pf-willow, pf-pascal or cub')
		.argument('<root>', 'folder of the data set')
		.option('-o, --output <file>', 'write a plot (.png, .svg)', oneOutput)
		.option('--limit <n>', 'only n pairs, spread over the set', positiveInteger)
		.addOption(overwriteOption());
	withReportOptions(withModelOptions(command)).action(
		async (dataset: string, root: string, options: LayersOptions) => {
			const { output, overwrite, json, quiet, ...job } = options;
			const { requirePairDataset } = await import('../../jobs/evaluate-pairs.js');
			const { measureLayers } = await import('../../jobs/measure-layers.js');
			const { layerPlot } = await import('../../evaluation/layer-plot.js');
			const { requireDrawingName, writeDrawing } = await import('../../output/drawing.js');
			const set = requirePairDataset(dataset);
			if (set === 'tss') {
				throw new UserError('TSS has no keypoints; give spair, pf-willow, pf-pascal or cub.');
			}
			requireDrawingName(output);
			await requireFree([output], overwrite);
			const reporter = new Reporter({ json, quiet });
			const scores = await measureLayers({
				...job,
				dataset: set,
				root,
				signal: cancelOnInterrupt(),
				onPair: (done, total) => reporter.progress({ done, total }, 'pairs'),
			});
			reporter.end();
			if (output !== undefined) {
				const severalSteps = new Set(scores.map(({ timestep }) => timestep)).size > 1;
				const title = `Raw features on ${dataset}`;
				await writeDrawing(output, layerPlot(title, scores, severalSteps ? 'timestep' : 'layer'));
				reporter.line(`wrote ${output}`);
			}
			reporter.record({ type: 'done', dataset, scores });
			for (const { layer, timestep, pck } of scores) {
				reporter.print(`layer ${layer}, timestep ${timestep}: ${(100 * pck).toFixed(1)}`);
			}
		},
	);
};

export const registerPaper = (program: Command): void => {
	const paper = program.command('paper').description("the paper's tables and figures, measured here");
	tablesCommand(paper);
	layersCommand(paper);
};
