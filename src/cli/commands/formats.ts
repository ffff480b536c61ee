import type { Command } from 'commander';
import { type ReportOptions, withReportOptions } from '../common-options.js';
import { Reporter } from '../reporter.js';

export const registerFormats = (program: Command): void => {
	withReportOptions(
		program.command('formats').description('what can be written: the names that --format and -o take'),
	).action(async (options: ReportOptions) => {
		const { listFormats } = await import('../../output/output-format.js');
		const formats = listFormats();
		const reporter = new Reporter(options);
		reporter.record(formats.map(({ name, about }) => ({ name, about })));
		reporter.print(formats.map(({ name, about }) => `${name.padEnd(18)} ${about}`).join('\n'));
	});
};
