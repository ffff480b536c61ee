import { basename } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { UserError } from '../../core/errors.js';
import type { JobState } from '../../queue/clip-queue.js';
import type { QueueStatus } from '../../queue/queue-status.js';
import type { QueueWorkEvent } from '../../queue/work-on-queue.js';
import type { Device } from '../../runtime/session.js';
import { cancelOnInterrupt, stopOnInterrupt } from '../cancellation.js';
import {
	ffmpegOption,
	positiveInteger,
	type ReportOptions,
	withDeviceOptions,
	withReportOptions,
} from '../common-options.js';
import { type JobDefaultsOptions, jobDefaultsOf, withJobList } from '../job-defaults.js';
import { printable } from '../printable.js';
import { Reporter } from '../reporter.js';

type PlaceOptions = ReportOptions & { readonly redis?: string; readonly queue: string };

/** Where `bullmq` and `ioredis` are not needed, they are not loaded: every command starts as fast without them. */
const states: readonly JobState[] = ['waiting', 'active', 'delayed', 'completed', 'failed'];

const placeOf = ({ redis: given, queue }: PlaceOptions) => {
	const redis = given ?? process.env.PROPAGATE_REDIS;
	if (redis === undefined || redis === '') {
		throw new UserError(
			'It is not said where Redis is; give --redis redis://host:6379, or set PROPAGATE_REDIS, which other users of this machine do not see.',
		);
	}
	if (given?.includes('@')) {
		// Other users of this machine see the words of a command for as long as it runs.
		process.title = 'propagate queue';
	}
	return { redis, queue };
};

/** Adds where the queue is, and what every command has. */
const withPlace = (command: Command): Command =>
	withReportOptions(
		command
			.optionsGroup('Where the queue is:')
			.option('--redis <url>', 'redis://host:6379, rediss:// with TLS (default: PROPAGATE_REDIS)')
			.option('--queue <name>', 'name of the queue', 'propagate'),
	);

const collect = (text: string, values: readonly string[] = []): readonly string[] => [...values, text];

const seconds = (text: string): number => {
	const value = Number(text);
	if (!(value >= 0 && value <= 86_400) || text.trim() === '') {
		throw new InvalidArgumentError('Expected seconds, like 20.');
	}
	return value;
};

const port = (text: string): number => {
	const value = Number(text);
	if (!Number.isInteger(value) || value < 0 || value > 65_535) {
		throw new InvalidArgumentError('Expected a port, from 1 to 65535, or 0 for a free one.');
	}
	return value;
};

const s3EndpointOption = (): Option =>
	new Option(
		'--s3-endpoint <url>',
		"storage that speaks S3 and is not Amazon's (default: AWS_ENDPOINT_URL_S3)",
	);

const examples = `
Examples:
  export PROPAGATE_REDIS=redis://queue.studio:6379
  propagate queue add jobs.json                          on any machine
  propagate queue work --root /mnt/shots                 on each machine that is to work
  propagate queue status --watch
  propagate queue retry                                  all that have failed

docs/scale.md says how it behaves when machines die, and what it takes.`;

export const registerQueue = (program: Command): void => {
	const queue = program
		.command('queue')
		.description('many clips on many machines, by way of Redis (BullMQ)')
		.addHelpText('after', examples);
	registerAdd(queue);
	registerWork(queue);
	registerStatus(queue);
	registerRetry(queue);
	registerCancel(queue);
	registerDrain(queue);
};

type AddOptions = PlaceOptions &
	JobDefaultsOptions & {
		readonly root?: string;
		readonly priority?: number;
		readonly attempts?: number;
		readonly s3Endpoint?: string;
	};

const registerAdd = (queue: Command): void => {
	const command = withJobList(queue.command('add').description('puts a list of jobs into the queue'))
		.option('--model <name|folder>', 'model to use (default: the bundled one)')
		.optionsGroup('How:')
		.option(
			'--root <folder>',
			'store paths relative to this folder (or s3://bucket/folder), which workers may have elsewhere',
		)
		.option('--priority <n>', '1 is first (default: 10)', positiveInteger)
		.option(
			'--attempts <n>',
			'how often a job is begun that fails for what may pass (default: 8)',
			positiveInteger,
		)
		.addOption(s3EndpointOption());
	withPlace(command).action(async (list: string, options: AddOptions) => {
		const { addToQueue } = await import('../../queue/add-jobs.js');
		const reporter = new Reporter(options);
		const result = await addToQueue({
			...placeOf(options),
			jobs: list,
			...{ root: options.root, priority: options.priority, attempts: options.attempts },
			s3Endpoint: options.s3Endpoint,
			defaults: jobDefaultsOf(options),
			signal: cancelOnInterrupt(),
			onProblem: (name, reason) => {
				reporter.record({ type: 'problem', name, reason });
				reporter.failure(`${name}: ${reason}`);
			},
			onProgress: (done, total) => {
				reporter.record({ type: 'progress', done, total });
				reporter.progress({ done, total }, 'jobs');
			},
		});
		reporter.end();
		reporter.record({ type: 'done', ...result });
		const known = result.known > 0 ? `; ${result.known} are in the queue already` : '';
		reporter.line(`added ${result.added} jobs${known}`);
	});
};

type WorkOptions = PlaceOptions & {
	readonly device: Device;
	readonly threads?: number;
	readonly root: readonly string[];
	readonly readRoot: readonly string[];
	readonly concurrency: number;
	readonly lease: number;
	readonly grace: number;
	readonly untilEmpty?: boolean;
	readonly metrics?: number;
	readonly ffmpeg?: string;
	readonly s3Endpoint?: string;
	readonly scratch?: string;
};

const registerWork = (queue: Command): void => {
	const command = queue
		.command('work')
		.description('works on jobs of the queue until it is stopped by Ctrl-C or SIGTERM')
		.optionsGroup('What jobs may do:')
		.option(
			'--root <folder>',
			'folder, or s3://bucket/folder, that jobs may read and write in; may be repeated',
			collect,
			[],
		)
		.option('--read-root <folder>', 'the same, but jobs may only read in it; may be repeated', collect, [])
		.optionsGroup('How:')
		.option(
			'--concurrency <n>',
			'clips that are worked on at a time, each with its share of the cores',
			positiveInteger,
			1,
		)
		.option('--until-empty', 'end when nothing is left to do for anybody')
		.option(
			'--grace <seconds>',
			'how long clips may still take when it is stopped, before they are handed back; a second Ctrl-C does that at once',
			seconds,
			20,
		)
		.option('--lease <seconds>', 'after how long without a sign of life its jobs go to others', seconds, 30)
		.option('--metrics <port>', 'tell Prometheus how it goes, on 127.0.0.1', port)
		.addOption(s3EndpointOption())
		.option('--scratch <folder>', 'for copies of what lies in S3 (default: "queue" among what is kept)')
		.addOption(ffmpegOption());
	withPlace(withDeviceOptions(command)).action(async (options: WorkOptions) => {
		const { workOnQueue } = await import('../../queue/work-on-queue.js');
		const reporter = new Reporter(options);
		let bar = reporter;
		const { stop, hurry } = stopOnInterrupt();
		const result = await workOnQueue({
			...placeOf(options),
			...{ roots: options.root, readRoots: options.readRoot, atOnce: options.concurrency },
			...{ device: options.device === 'auto' ? undefined : options.device, threads: options.threads },
			...{ leaseSeconds: options.lease, graceSeconds: options.grace, untilEmpty: options.untilEmpty },
			...{ metricsPort: options.metrics, ffmpeg: options.ffmpeg },
			...{ s3Endpoint: options.s3Endpoint, scratch: options.scratch },
			...{ signal: stop, handBack: hurry },
			onEvent: (event) => {
				reporter.record(event);
				// The rate and the time left are those of one clip.
				if (event.type === 'started') {
					bar = new Reporter(options);
				}
				if (event.type === 'progress') {
					bar.progress({ done: event.frame + 1, total: event.total }, 'frames', [basename(event.clip)]);
				} else {
					bar.end();
					tellWork(reporter, event);
				}
			},
		});
		reporter.record({ type: 'done', ...result });
		reporter.line(`${result.finished} clips done, ${result.failed} failed: ${result.frames} frames`);
	});
};

const tellWork = (reporter: Reporter, event: Exclude<QueueWorkEvent, { type: 'progress' }>): void => {
	switch (event.type) {
		case 'ready':
			reporter.line(`${event.worker} takes jobs from ${event.redis}`);
			if (event.metrics !== undefined) {
				reporter.line(`metrics: ${event.metrics}`);
			}
			break;
		case 'started':
			reporter.line(`${event.clip}: begun${event.attempt > 1 ? `, for the ${event.attempt}. time` : ''}`);
			break;
		case 'note':
			reporter.line(`${event.clip}: note: ${event.text}`);
			break;
		case 'finished':
			reporter.line(
				`${event.clip}: ${event.wasFinished ? 'was finished' : `${event.frames} frames in ${event.seconds.toFixed(1)} s`}`,
			);
			break;
		case 'failed':
			reporter.failure(
				`failed: ${event.clip}: ${event.reason}${event.willBeRetried ? ' (will be tried again)' : ''}`,
			);
			break;
		case 'handed back':
			reporter.line(`${event.clip}: handed back; what is finished of it stays`);
			break;
		case 'lost':
			reporter.line(
				`${event.clip}: ended, because touch with Redis was lost; another worker goes on with it`,
			);
			break;
		case 'connection':
			reporter.failure(event.isThere ? 'Redis is back' : 'Redis is gone; waiting for it');
			break;
		case 'trouble':
			reporter.failure(`trouble: ${event.text}`);
	}
};

type StatusOptions = PlaceOptions & { readonly watch?: boolean; readonly list?: JobState };

const WATCH_MS = 2000;

const registerStatus = (queue: Command): void => {
	const command = queue
		.command('status')
		.description('how many jobs are where, and how fast it goes')
		.addOption(
			new Option(
				'--list <state>',
				'the jobs that are in a state, one a line: id, clip, and why it failed',
			).choices(states),
		)
		.addOption(new Option('--watch', 'again every two seconds, until Ctrl-C').conflicts('list'));
	withPlace(command).action(async (options: StatusOptions) => {
		const { listQueue, queueStatus } = await import('../../queue/queue-status.js');
		const reporter = new Reporter(options);
		const place = placeOf(options);
		const signal = cancelOnInterrupt();
		if (options.list !== undefined) {
			for await (const job of listQueue(place, options.list, signal)) {
				reporter.record(job);
				const words = [job.id, job.clip, ...(job.reason === undefined ? [] : [job.reason])];
				reporter.print(printable(words.join('  ')));
			}
			return;
		}
		for (;;) {
			const status = await queueStatus(place);
			reporter.record({ type: 'status', ...status });
			reporter.print(statusText(status));
			if (options.watch !== true || signal.aborted) {
				return;
			}
			await setTimeout(WATCH_MS, undefined, { signal }).catch(() => {});
			if (signal.aborted) {
				return;
			}
		}
	});
};

const statusText = ({ jobs, workers, completedPerMinute, failedPerMinute }: QueueStatus): string =>
	[
		...Object.entries(jobs).map(([state, count]) => `${count} ${state}`),
		`${workers.length} workers`,
		`${completedPerMinute.toFixed(1)} clips/min done`,
		...(failedPerMinute > 0 ? [`${failedPerMinute.toFixed(1)} clips/min failed`] : []),
	].join(', ');

const registerRetry = (queue: Command): void => {
	const command = queue
		.command('retry')
		.description('begins failed jobs anew')
		.argument('[ids...]', 'jobs (default: all that have failed)');
	withPlace(command).action(async (ids: string[], options: PlaceOptions) => {
		const { retryQueued } = await import('../../queue/change-jobs.js');
		const retried = await retryQueued({ ...placeOf(options), ids, signal: cancelOnInterrupt() });
		const reporter = new Reporter(options);
		reporter.record({ type: 'done', retried });
		reporter.line(`${retried} jobs will be begun again`);
	});
};

const registerCancel = (queue: Command): void => {
	const command = queue
		.command('cancel')
		.description('takes jobs out of the queue; what workers are at is given up, and its finished frames stay')
		.argument('[ids...]', 'jobs')
		.option('--all', 'every job that is not finished');
	withPlace(command).action(async (ids: string[], options: PlaceOptions & { readonly all?: boolean }) => {
		if ((options.all === true) === ids.length > 0) {
			throw new UserError('Say which jobs are to be cancelled: their ids, or --all.');
		}
		const { cancelQueued } = await import('../../queue/change-jobs.js');
		const result = await cancelQueued({ ...placeOf(options), ids });
		const reporter = new Reporter(options);
		reporter.record({ type: 'done', ...result });
		reporter.line(
			`${result.removed} jobs taken out of the queue, ${result.givenUp} are given up by their workers`,
		);
	});
};

const registerDrain = (queue: Command): void => {
	const command = queue
		.command('drain')
		.description('empties the queue of what nobody works on; what is worked on is finished');
	withPlace(command).action(async (options: PlaceOptions) => {
		const { drainQueue } = await import('../../queue/change-jobs.js');
		const removed = await drainQueue(placeOf(options));
		const reporter = new Reporter(options);
		reporter.record({ type: 'done', removed });
		reporter.line(`${removed} jobs taken out of the queue`);
	});
};
