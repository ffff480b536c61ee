import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { addToQueue, type QueueAdditionResult } from '../../src/queue/add-jobs.js';
import type { JobState } from '../../src/queue/clip-queue.js';
import {
	type ListedQueueJob,
	listQueue,
	type QueueStatus,
	queueStatus,
} from '../../src/queue/queue-status.js';
import { type CliResult, type CliRun, quickCliPath, records, startCli } from './cli.js';
import { collect } from './collect.js';

/** What a command said last. */
export const lastOf = ({ stdout }: CliResult): Record<string, unknown> => records(stdout).at(-1) ?? {};

export type WorkerRun = CliRun & {
	/** Comes when such an event has been told. */
	seen(type: string): Promise<Record<string, unknown>>;
	readonly events: Record<string, unknown>[];
};

/**
 * `propagate queue` on a Redis, with a home beside the folder in which it is called. What is only to be looked at, or to be there, comes by the
 * API: no process is started for it.
 */
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
	/** As `queue add <jobs> -o <results> --priority <n>`. */
	const add = (jobs: string, results?: string, priority?: number): Promise<QueueAdditionResult> =>
		addToQueue({ redis: redis(), jobs, priority, defaults: { results } });
	const status = async (): Promise<QueueStatus['jobs']> => (await queueStatus({ redis: redis() })).jobs;
	const list = (state: JobState): Promise<ListedQueueJob[]> => collect(listQueue({ redis: redis() }, state));
	const until = async (holds: (jobs: QueueStatus['jobs']) => boolean): Promise<void> => {
		while (!holds(await status())) {
			await setTimeout(50);
		}
	};
	return { start, run, startWorker, add, status, list, until };
};
