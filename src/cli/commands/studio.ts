import { type Command, InvalidArgumentError } from 'commander';
import { cancelOnInterrupt } from '../cancellation.js';
import { type ReportOptions, withReportOptions } from '../common-options.js';
import { Reporter } from '../reporter.js';

type StudioCommandOptions = ReportOptions & {
	readonly port?: number;
	readonly open: boolean;
	readonly projects?: string;
};

const portNumber = (text: string): number => {
	const port = Number(text);
	if (!Number.isInteger(port) || port < 1 || port > 65535) {
		throw new InvalidArgumentError('Expected a number from 1 to 65535.');
	}
	return port;
};

export const registerStudio = (program: Command): void => {
	const command = program
		.command('studio')
		.description('the whole job in a browser window: mark, watch, correct, export (docs/studio.md)')
		.argument('[clip]', 'video file, folder of numbered frames, or project')
		.option(
			'--port <n>',
			'port to listen on, of this machine alone (default: a free one from 4860 on)',
			portNumber,
		)
		.option('--projects <folder>', 'where new projects go (default: Propagate in the home folder)')
		.option('--no-open', 'only print the address');
	withReportOptions(command).action(async (clip: string | undefined, options: StudioCommandOptions) => {
		const { startStudio } = await import('../../studio/server.js');
		const { port, projects, json, quiet } = options;
		const reporter = new Reporter({ json, quiet });
		const signal = cancelOnInterrupt();
		const studio = await startStudio({ clip, port, projects });
		reporter.record({ type: 'studio', address: studio.address });
		reporter.print(`The studio is at ${studio.address}`);
		reporter.line('It works as long as this window is open; Ctrl-C ends it. What is painted is kept.');
		if (options.open) {
			const { default: open } = await import('open');
			await open(studio.address).catch(() => {
				reporter.line('No browser could be opened; open the address yourself.');
			});
		}
		await new Promise<void>((ended) => {
			signal.addEventListener('abort', () => ended(), { once: true });
		});
		await studio.close();
	});
};
