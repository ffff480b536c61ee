import type { Command } from 'commander';
import { type ReportOptions, withReportOptions } from '../common-options.js';
import { Reporter } from '../reporter.js';

export const registerDoctor = (program: Command): void => {
	withReportOptions(
		program
			.command('doctor')
			.description('what this installation can do here: versions, ffmpeg, devices, models, cache'),
	).action(async (options: ReportOptions) => {
		const { diagnose } = await import('../../jobs/diagnose.js');
		const checks = await diagnose();
		const reporter = new Reporter(options);
		reporter.record(checks);
		for (const { name, ok, detail } of checks) {
			reporter.print(`${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(14)} ${detail}`);
		}
		if (checks.some((check) => !check.ok)) {
			process.exitCode = 1;
		}
	});
};
