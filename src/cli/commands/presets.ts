import type { Command } from 'commander';
import { type ReportOptions, withReportOptions } from '../common-options.js';
import { Reporter } from '../reporter.js';

export const registerPresets = (program: Command): void => {
	const presets = program
		.command('presets')
		.description('the named settings that --preset takes, and the programs that --for takes');
	withReportOptions(
		presets.command('list', { isDefault: true }).description('name and description of each'),
	).action(async (options: ReportOptions) => {
		const { loadPreset, presetNames } = await import('../../presets/preset.js');
		const all = await Promise.all((await presetNames()).map((name) => loadPreset(name)));
		const reporter = new Reporter(options);
		reporter.record(all.map(({ name, description }) => ({ name, description })));
		reporter.print(all.map(({ name, description }) => `${name.padEnd(18)} ${description}`).join('\n'));
	});
	withReportOptions(
		presets
			.command('show')
			.description('one preset, as a file that --preset would take')
			.argument('<name|file.json>'),
	).action(async (name: string, options: ReportOptions) => {
		const { loadPreset } = await import('../../presets/preset.js');
		const preset = await loadPreset(name);
		const reporter = new Reporter(options);
		reporter.record(preset);
		reporter.print(JSON.stringify(preset, null, '\t'));
	});
	withReportOptions(
		presets
			.command('editors')
			.description('programs that --for takes: what is written for each, and how to open it'),
	).action(async (options: ReportOptions) => {
		const { editorNames, loadEditorPreset } = await import('../../presets/editor-preset.js');
		const all = await Promise.all((await editorNames()).map((name) => loadEditorPreset(name)));
		const reporter = new Reporter(options);
		reporter.record(all);
		reporter.print(
			all
				.map(({ name, fileName, program }) => `${name.padEnd(15)} ${fileName.padEnd(35)} ${program}`)
				.join('\n'),
		);
	});
};
