import type { Command } from 'commander';

export const registerDoctor = (program: Command): void => {
	program
		.command('doctor')
		.description('what this installation can do here: versions, ffmpeg, devices, models')
		.option('--json', 'as JSON')
		.action(async (options: { json?: boolean }) => {
			const { diagnose } = await import('../../doctor/diagnose.js');
			const checks = await diagnose();
			if (options.json) {
				process.stdout.write(`${JSON.stringify(checks)}\n`);
			} else {
				for (const { name, ok, detail } of checks) {
					process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(14)} ${detail}\n`);
				}
			}
			if (checks.some((check) => !check.ok)) {
				process.exitCode = 1;
			}
		});
};
