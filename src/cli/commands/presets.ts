import type { Command } from 'commander';

export const registerPresets = (program: Command): void => {
	const presets = program
		.command('presets')
		.description('the named settings that --preset takes, and the programs that --for takes');
	presets
		.command('list')
		.description('name and description of each')
		.option('--json', 'as JSON')
		.action(async (options: { json?: boolean }) => {
			const { loadPreset, presetNames } = await import('../../presets/load-preset.js');
			const all = await Promise.all((await presetNames()).map((name) => loadPreset(name)));
			const text = options.json
				? JSON.stringify(all.map(({ name, description }) => ({ name, description })))
				: all.map(({ name, description }) => `${name.padEnd(18)} ${description}`).join('\n');
			process.stdout.write(`${text}\n`);
		});
	presets
		.command('show')
		.description('one preset, as a file that --preset would take')
		.argument('<name|file.json>')
		.action(async (name: string) => {
			const { loadPreset } = await import('../../presets/load-preset.js');
			process.stdout.write(`${JSON.stringify(await loadPreset(name), null, '\t')}\n`);
		});
	presets
		.command('editors')
		.description('programs that --for takes: what is written for each, and how to open it')
		.option('--json', 'as JSON')
		.action(async (options: { json?: boolean }) => {
			const { editorNames, loadEditorPreset } = await import('../../presets/editor-preset.js');
			const all = await Promise.all((await editorNames()).map((name) => loadEditorPreset(name)));
			const text = options.json
				? JSON.stringify(all)
				: all
						.map(({ name, fileName, program }) => `${name.padEnd(15)} ${fileName.padEnd(22)} ${program}`)
						.join('\n');
			process.stdout.write(`${text}\n`);
		});
};
