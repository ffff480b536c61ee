import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The command as built by `npm run build`, which `npm test` runs first. */
export const cliPath = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** The same program with a model and a tracker that are quick, see quick-program.ts: for tests that are not about masks' quality. */
export const quickCliPath = join(process.env.PROPAGATE_TEST_QUICK ?? '', 'dist/cli/main.js');

export type CliResult = {
	/** Exit code; null when a signal ended the process. */
	readonly code: number | null;
	readonly stdout: string;
	readonly stderr: string;
};

export type CliRun = { readonly process: ChildProcess; readonly done: Promise<CliResult> };

type CliOptions = {
	readonly cwd?: string;
	readonly env?: NodeJS.ProcessEnv;
	/** Which of the programs above; `cliPath` by default. */
	readonly program?: string;
	/** Of node itself. */
	readonly nodeFlags?: readonly string[];
};

/** Starts `propagate <args>` in a process of its own; `cwd` is where it is called. */
export const startCli = (args: readonly string[], options: CliOptions = {}): CliRun => {
	const child = spawn(process.execPath, [...(options.nodeFlags ?? []), options.program ?? cliPath, ...args], {
		cwd: options.cwd,
		env: { ...process.env, ...options.env },
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	const stdout: Buffer[] = [];
	const stderr: Buffer[] = [];
	child.stdout.on('data', (data: Buffer) => stdout.push(data));
	child.stderr.on('data', (data: Buffer) => stderr.push(data));
	const done = new Promise<CliResult>((fulfil, reject) => {
		child.on('error', reject);
		child.on('close', (code) =>
			fulfil({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
		);
	});
	return { process: child, done };
};

/** Runs `propagate <args>` to its end. */
export const runCli = (args: readonly string[], options?: CliOptions): Promise<CliResult> =>
	startCli(args, options).done;

/** The records that `--json` printed, one a line. */
export const records = (stdout: string): Record<string, unknown>[] =>
	stdout
		.trim()
		.split('\n')
		.map((line) => JSON.parse(line) as Record<string, unknown>);

/** A file of the samples that come with the project. */
export const sample = (path: string): string =>
	fileURLToPath(new URL(`../../samples/${path}`, import.meta.url));
