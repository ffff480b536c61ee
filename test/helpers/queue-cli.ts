import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'vitest';
import { type CliResult, type CliRun, quickCliPath, records, startCli } from './cli.js';

/** What a command said last. */
export const lastOf = ({ stdout }: CliResult): Record<string, unknown> => records(stdout).at(-1) ?? {};

export type WorkerRun = CliRun & {
	/** Comes when such an event has been told. */
	seen(type: string): Promise<Record<string, unknown>>;
	readonly events: Record<string, unknown>[];
};

type Jobs = Record<string, number>;

/** `propagate queue` on a Redis, with a home beside the folder in which it is called. */
export const queueCli = (redis: () => string) => {
	const start = (cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): CliRun =>
		startCli(args, {
			program: quickCliPath,
			cwd,
			env: { PROPAGATE_HOME: join(cwd, '..', 'home'), PROPAGATE_REDIS: redis(), ...env },
		});
	const run = (cwd: string, ...args: string[]): Promise<CliResult> => start(cwd, args).done;
	const startWorker = (cwd: string, args: readonly string[], env?: NodeJS.ProcessEnv): WorkerRun => {
		const started = start(cwd, ['queue', 'work', '--json', '--threads', '1', ...args], env);
		const events: Record<string, unknown>[] = [];
		let rest = '';
		started.process.stdout?.on('data', (data: Buffer) => {
			const lines = `${rest}${data}`.split('\n');
			rest = lines.pop() ?? '';
			events.push(...lines.map((line) => JSON.parse(line)));
		});
		const seen = async (type: string): Promise<Record<string, unknown>> => {
			for (;;) {
				const event = events.find((event) => event.type === type);
				if (event !== undefined) {
					return event;
				}
				if (started.process.exitCode !== null) {
					throw new Error(`The worker ended before "${type}": ${(await started.done).stderr}`);
				}
				await setTimeout(10);
			}
		};
		return { ...started, events, seen };
	};
	const status = async (cwd: string): Promise<Jobs> =>
		lastOf(await run(cwd, 'queue', 'status', '--json')).jobs as Jobs;
	const list = async (cwd: string, state: string): Promise<Record<string, unknown>[]> => {
		const { code, stdout } = await run(cwd, 'queue', 'status', '--list', state, '--json');
		expect(code).toBe(0);
		return stdout === '' ? [] : records(stdout);
	};
	const until = async (cwd: string, holds: (jobs: Jobs) => boolean): Promise<void> => {
		while (!holds(await status(cwd))) {
			await setTimeout(200);
		}
	};
	return { start, run, startWorker, status, list, until };
};
