import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { propagateHome } from '../../store/locations.js';

// The plugin is a program of its own, which calls this one back: nothing of OBS is loaded into the engine.
const plugin = fileURLToPath(new URL('../../plugin/obs/main.js', import.meta.url));

export const registerObs = (program: Command): void => {
	program
		.command('obs')
		.description('OBS Studio: watch, apply, grab (see propagate obs --help)')
		.argument('[arguments...]')
		.helpOption(false)
		.allowUnknownOption()
		.passThroughOptions()
		.action(async (rest: string[]) => {
			const child = spawn(process.execPath, [plugin, ...rest], {
				stdio: 'inherit',
				env: { ...process.env, PROPAGATE_HOME: propagateHome() },
			});
			// A terminal sends Ctrl-C to both; a program that ends this one by its id must reach the other as well.
			process.on('SIGINT', () => {});
			process.on('SIGTERM', () => child.kill('SIGTERM'));
			process.exitCode = await new Promise<number>((resolve, reject) => {
				child.once('error', reject);
				child.once('exit', (code) => resolve(code ?? 1));
			});
		});
};
