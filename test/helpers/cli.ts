import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export type CliResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Runs the built command line program as a person would; `cwd` is where it is called. */
export const propagate = (
	args: readonly string[],
	options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<CliResult> =>
	new Promise((resolve) => {
		execFile(
			process.execPath,
			[program, ...args],
			{ ...options, env: { ...process.env, ...options.env }, maxBuffer: 1 << 28 },
			(error, stdout, stderr) => {
				const code = typeof error?.code === 'number' ? error.code : error ? -1 : 0;
				resolve({ code, stdout, stderr });
			},
		);
	});

/** The records that `--json` printed, one a line. */
export const records = (stdout: string): Record<string, unknown>[] =>
	stdout
		.trim()
		.split('\n')
		.map((line) => JSON.parse(line) as Record<string, unknown>);

/** A file of the samples that come with the project. */
export const sample = (path: string): string =>
	fileURLToPath(new URL(`../../samples/${path}`, import.meta.url));
