import { createRequire } from 'node:module';
import { availableParallelism, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { messageOf, UserError } from '../core/errors.js';
import { isS3 } from '../core/s3-place.js';
import type { ClipCommand } from '../jobs/clip-command.js';
import type { FrameProgress, PropagateClipResult } from '../jobs/clip-job.js';
import { ClipRunner } from '../jobs/clip-runner.js';
import type { Device } from '../runtime/session.js';
import { propagateHome } from '../store/locations.js';
import {
	type ClipReport,
	cancelledKey,
	countJobs,
	type OpenQueue,
	openQueue,
	type QueuedClip,
	queuedClipSchema,
} from './clip-queue.js';
import { type EndReason, Leases } from './leases.js';
import { mayPass } from './may-pass.js';
import { ObjectStore, type StoreAddress } from './object-store.js';
import type { QueuePlace } from './redis.js';
import { Roots } from './roots.js';
import { StagedClip } from './staged-clip.js';
import { serveMetrics, WorkMetrics } from './work-metrics.js';

export type QueueWork = QueuePlace &
	StoreAddress & {
		/** Folders, on disks or in S3, that jobs may read and write in; relative paths are relative to the first. */
		readonly roots: readonly string[];
		/** Folders that jobs may read in. */
		readonly readRoots?: readonly string[] | undefined;
		/**
		 * Folder for copies of what lies in S3. Where several workers have the same one, they go on with each other's unfinished clips. Default: one
		 * among what this user keeps.
		 */
		readonly scratch?: string | undefined;
		/** Clips that are worked on at a time, each in a process of its own. Default: 1. */
		readonly atOnce?: number | undefined;
		/** CPU threads of each; its share of the cores when omitted. */
		readonly threads?: number | undefined;
		readonly device?: Device | undefined;
		readonly ffmpeg?: string | undefined;
		/** A worker that has not been heard of for so long has lost its jobs to others. Default: 30. */
		readonly leaseSeconds?: number | undefined;
		/** How long clips may still take when the worker is to stop, before they are handed back. Default: 20. */
		readonly graceSeconds?: number | undefined;
		/** Ends when there is nothing left to do, for this worker or any other. */
		readonly untilEmpty?: boolean | undefined;
		/** Port on the loopback interface that tells Prometheus how it goes. 0 takes a free one. */
		readonly metricsPort?: number | undefined;
		/** Fires when the worker is to stop. */
		readonly signal?: AbortSignal | undefined;
		/** Fires when a worker that is to stop shall hand its clips back at once. */
		readonly handBack?: AbortSignal | undefined;
		readonly onEvent?: ((event: QueueWorkEvent) => void) | undefined;
	};

export type QueueWorkEvent =
	/** It is connected, and takes jobs. */
	| {
			readonly type: 'ready';
			readonly redis: string;
			readonly worker: string;
			readonly metrics?: string | undefined;
	  }
	| ({ readonly type: 'started'; readonly attempt: number } & JobOfQueue)
	| ({ readonly type: 'note'; readonly text: string } & JobOfQueue)
	| ({ readonly type: 'progress' } & JobOfQueue & FrameProgress)
	| ({ readonly type: 'finished'; readonly wasFinished: boolean } & JobOfQueue & PropagateClipResult)
	| ({ readonly type: 'failed'; readonly reason: string; readonly willBeRetried: boolean } & JobOfQueue)
	/** Given back for others, or lost to them: what is finished of it stays. */
	| ({ readonly type: 'handed back' | 'lost' } & JobOfQueue)
	/** Redis has gone, or is back; work goes on meanwhile. */
	| { readonly type: 'connection'; readonly isThere: boolean }
	| { readonly type: 'trouble'; readonly text: string };

type JobOfQueue = { readonly job: string; readonly clip: string };

export type QueueWorkResult = { readonly finished: number; readonly failed: number; readonly frames: number };

/** How often it is looked whether somebody wants a job given up or others have emptied the queue, and progress is told. */
const LOOK_MS = 2000;
/** How long a worker that has stopped waits for a Redis that is gone. */
const FAREWELL_SECONDS = 5;
/** After so long this process knows of a signal that its children have got. */
const TOLD_MS = 300;
/** A job that has been lost with so many workers is not given to another one. */
const MOST_STALLS = 20;

/** What the system says of connections that are lost or can't be made. */
const ofConnection: ReadonlySet<string> = new Set([
	...[
		'ECONNREFUSED',
		'ECONNRESET',
		'EPIPE',
		'ETIMEDOUT',
		'EHOSTUNREACH',
		'ENETUNREACH',
		'ENETDOWN',
		'ENOTFOUND',
		'EAI_AGAIN',
	],
]);

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/**
 * Works on the jobs of a queue until it is told to stop. Each clip runs in a process apart. What a worker that died has finished of a clip is
 * gone on with by the next, because the results of frames are kept beside the output until it is complete.
 *
 * @throws UserError when Redis or a root can't be used
 */
export const workOnQueue = async (work: QueueWork): Promise<QueueWorkResult> => {
	const usesS3 = [...work.roots, ...(work.readRoots ?? [])].some(isS3);
	const store = usesS3 ? await ObjectStore.open(work) : undefined;
	try {
		const roots = await Roots.open(work.roots, work.readRoots, store);
		const open = await openQueue(work);
		try {
			const metrics = await WorkMetrics.open();
			const endpoint =
				work.metricsPort === undefined ? undefined : await serveMetrics(metrics, work.metricsPort, open);
			try {
				return await takeJobs(work, { open, roots, store, metrics, metricsAddress: endpoint?.address });
			} finally {
				await endpoint?.close();
			}
		} finally {
			await open.close();
		}
	} finally {
		store?.close();
	}
};

/** What a worker has besides its orders. */
type Workplace = {
	readonly open: OpenQueue;
	readonly roots: Roots;
	/** Undefined where jobs may use none. */
	readonly store: ObjectStore | undefined;
	readonly metrics: WorkMetrics;
	readonly metricsAddress: string | undefined;
};

const takeJobs = async (
	work: QueueWork,
	{ open, roots, store, metrics, metricsAddress }: Workplace,
): Promise<QueueWorkResult> => {
	const { signal, atOnce = 1, leaseSeconds = 30, graceSeconds = 20, onEvent } = work;
	const { redis, address, name } = open;
	const { Worker, UnrecoverableError, WaitingError } = await import('bullmq');
	const leases = new Leases(leaseSeconds * 1000);
	const runners = Array.from({ length: atOnce }, () => new ClipRunner());
	const idle = [...runners];
	const me = `${hostname()}-${process.pid}`;
	const scratch = resolve(work.scratch ?? join(propagateHome(), 'queue'));
	if (store !== undefined) {
		await StagedClip.forgetOld(scratch);
	}
	const threads = work.threads ?? Math.max(1, Math.floor(availableParallelism() / atOnce));
	let [finished, failed, frames] = [0, 0, 0];
	let [isThere, stopping] = [true, false];

	/** @param about how the job's events begin @param shown what is to be said instead of a sentence about copies */
	const runCopy = async (
		job: Job<QueuedClip>,
		about: JobOfQueue,
		command: ClipCommand,
		end: AbortSignal,
		shown: (text: string) => string,
	): Promise<PropagateClipResult> => {
		const runner = idle.pop() ?? new ClipRunner();
		let told = 0;
		try {
			return await runner.run(
				{
					...command,
					device: work.device ?? command.device,
					threads: Math.min(command.threads ?? threads, threads),
				},
				{
					// Results of frames stay beside the output, where another worker finds them.
					...{ ffmpeg: work.ffmpeg, cache: false, signal: end },
					onNote: (text) => onEvent?.({ type: 'note', ...about, text: shown(text) }),
					onFrame: (progress) => {
						onEvent?.({ type: 'progress', ...about, ...progress });
						metrics.frame();
						if (Date.now() - told > LOOK_MS) {
							told = Date.now();
							job.updateProgress({ frame: progress.frame, total: progress.total }).catch(() => {});
						}
					},
				},
			);
		} finally {
			idle.push(runner);
		}
	};

	/** Does a job that is allowed, on copies where it lies in S3. */
	const run = async (
		job: Job<QueuedClip>,
		command: ClipCommand,
		end: AbortSignal,
	): Promise<PropagateClipResult> => {
		const about = { job: job.id ?? '', clip: command.input };
		if (store === undefined || !StagedClip.isNeededFor(command)) {
			return runCopy(job, about, command, end, (text) => text);
		}
		const staged = await StagedClip.open(store, command, scratch, end);
		const shown = (text: string): string => staged.shown(text);
		try {
			const result = await runCopy(job, about, staged.command, end, shown);
			await staged.finish(end);
			await staged.remove();
			return { ...result, outputs: result.outputs.map(shown) };
		} catch (error) {
			// What may be gone on with stays.
			if (error instanceof UserError && !mayPass(error)) {
				await staged.remove();
			}
			if (error instanceof Error) {
				error.message = shown(error.message);
			}
			throw error;
		}
	};

	const processor = async (job: Job<QueuedClip>, token?: string): Promise<ClipReport> => {
		const id = job.id ?? '';
		const end = leases.begin(id);
		let about = { job: id, clip: '' };
		let isAllowed = false;
		try {
			const parsed = queuedClipSchema.safeParse(job.data);
			if (!parsed.success) {
				throw new UserError('The job can\'t be understood; "propagate queue add" puts jobs into the queue.');
			}
			about = { job: id, clip: parsed.data.command.input };
			onEvent?.({ type: 'started', ...about, attempt: job.attemptsStarted });
			const command = await roots.allow(parsed.data.command);
			isAllowed = true;
			const result = await run(job, command, end);
			const wasFinished = result.meanConfidence === undefined;
			finished++;
			frames += wasFinished ? 0 : result.frames;
			metrics.finished(result.seconds);
			onEvent?.({ type: 'finished', ...about, wasFinished, ...result });
			return {
				...{ frames: result.frames, computedFrames: result.computedFrames, seconds: result.seconds },
				...{ outputs: result.outputs, program: version, model: result.model, worker: me },
			};
		} catch (error) {
			if (isAllowed) {
				// Who ends this worker may end the processes that it started, too, and before it.
				await pause(TOLD_MS);
			}
			const reason = end.aborted ? (end.reason as EndReason) : signal?.aborted ? 'stopped' : undefined;
			if (reason === 'stopped') {
				onEvent?.({ type: 'handed back', ...about });
				await job.moveToWait(token);
				throw new WaitingError();
			}
			if (reason === 'lost') {
				onEvent?.({ type: 'lost', ...about });
				throw new Error('Touch with Redis was lost; another worker has the job.');
			}
			const passes = reason === undefined && (mayPass(error) || !(await roots.areThere()));
			const willBeRetried = passes && job.attemptsMade + 1 < (job.opts.attempts ?? 1);
			const text = reason === 'cancelled' ? 'Cancelled.' : messageOf(error);
			failed += willBeRetried ? 0 : 1;
			metrics.failed(willBeRetried);
			onEvent?.({ type: 'failed', ...about, reason: text, willBeRetried });
			throw passes ? new Error(text) : new UnrecoverableError(text);
		} finally {
			leases.done(id);
			if (end.aborted) {
				redis.srem(cancelledKey(name), id).catch(() => {});
			}
		}
	};

	const worker = new Worker<QueuedClip, ClipReport, 'clip'>(name, processor, {
		connection: redis,
		...{ name: me, concurrency: atOnce, autorun: false },
		...{
			lockDuration: leaseSeconds * 1000,
			stalledInterval: leaseSeconds * 1000,
			maxStalledCount: MOST_STALLS,
		},
		// A week of counts, one for each minute.
		metrics: { maxDataPoints: 7 * 24 * 60 },
	});
	worker.on('locksRenewed', ({ jobIds }) => leases.renewed(jobIds));
	worker.on('lockRenewalFailed', (ids) => {
		for (const id of ids) {
			leases.end(id, 'lost');
		}
	});
	worker.on('error', (error) => {
		// Of a lost connection every command tells; that it is lost is told once. What a lost lease means is told with the job.
		const isOfConnection = 'code' in error && ofConnection.has(String(error.code));
		if (
			!isOfConnection &&
			!/could not renew lock|Missing lock|Lock mismatch|Connection is closed|Socket timeout/.test(
				error.message,
			)
		) {
			const text = error instanceof SyntaxError ? `a job can't be read (${error.message})` : error.message;
			onEvent?.({ type: 'trouble', text });
		}
	});
	const tellConnection = (there: boolean) => (): void => {
		if (isThere !== there && !stopping) {
			isThere = there;
			onEvent?.({ type: 'connection', isThere });
		}
	};
	redis.on('close', tellConnection(false));
	redis.on('ready', tellConnection(true));

	let stop = (): void => {};
	const ended = new Promise<void>((resolve) => {
		stop = () => {
			stopping = true;
			resolve();
		};
	});
	if (signal?.aborted) {
		stop();
	}
	signal?.addEventListener('abort', stop, { once: true });
	const stopIfEmpty = async (): Promise<void> => {
		if (work.untilEmpty !== true || !isThere || leases.ids.length > 0) {
			return;
		}
		const left = await countJobs(open).catch(() => undefined);
		if (left !== undefined && left.waiting + left.active + left.delayed === 0) {
			stop();
		}
	};
	for (const event of ['completed', 'failed', 'drained'] as const) {
		worker.on(event, stopIfEmpty);
	}
	const look = setInterval(async () => {
		const { ids } = leases;
		if (isThere && ids.length > 0) {
			const wanted = await redis.smismember(cancelledKey(name), ...ids).catch(() => []);
			for (const id of ids.filter((_, at) => wanted[at] === 1)) {
				leases.end(id, 'cancelled');
			}
		}
		await stopIfEmpty();
	}, LOOK_MS);

	onEvent?.({ type: 'ready', redis: address, worker: me, metrics: metricsAddress });
	worker.run().catch((error: unknown) => onEvent?.({ type: 'trouble', text: messageOf(error) }));
	try {
		await ended;
		await worker.pause(true);
		const handBack = (): void => {
			for (const id of leases.ids) {
				leases.end(id, 'stopped');
			}
		};
		const grace = setTimeout(handBack, work.handBack?.aborted ? 0 : graceSeconds * 1000);
		work.handBack?.addEventListener('abort', handBack, { once: true });
		let farewell: NodeJS.Timeout | undefined;
		const nobodyThere = new Promise<void>((resolve) => {
			let since = 0;
			farewell = setInterval(() => {
				since = redis.status === 'ready' || runners.some((runner) => !idle.includes(runner)) ? 0 : since + 1;
				if (since === FAREWELL_SECONDS) {
					resolve();
				}
			}, 1000);
		});
		const parting = nobodyThere.then(() => {
			// Nobody can be told, and leases run out.
			open.leave();
			return worker.backend.close(true);
		});
		await Promise.race([worker.close(), parting]);
		clearTimeout(grace);
		clearInterval(farewell);
	} finally {
		clearInterval(look);
		leases.close();
		for (const runner of runners) {
			runner.close();
		}
	}
	return { finished, failed, frames };
};
