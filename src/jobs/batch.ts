import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { AbortedError, messageOf, throwIfAborted, UserError } from '../core/errors.js';
import { type ClipCommand, checkClipCommand } from './clip-command.js';
import type { FrameProgress, PropagateClipResult } from './clip-job.js';
import { ClipRunner } from './clip-runner.js';
import { type JobDefaults, type ListedJob, readJobList } from './job-list.js';

export type BatchJob = {
	/** The list: see `readJobList`. */
	readonly jobs: string;
	/** What jobs do that do not say otherwise. */
	readonly defaults?: JobDefaults | undefined;
	/** Clips that are worked on at a time, each in a process of its own that gets its share of the cores. Default: 1. */
	readonly atOnce?: number | undefined;
	readonly ffmpeg?: string | undefined;
	readonly signal?: AbortSignal | undefined;
	readonly onEvent?: ((event: BatchEvent) => void) | undefined;
};

/** How it goes; `name` is a job's, as the list calls it, and `clip` its input. */
export type BatchEvent =
	/** So many jobs have been looked at. */
	| { readonly type: 'checked'; readonly done: number; readonly total: number }
	/** A job that can't be done as it stands: nothing will be started. */
	| { readonly type: 'problem'; readonly name: string; readonly reason: string }
	| ({ readonly type: 'started' } & JobOfBatch)
	| ({ readonly type: 'note'; readonly text: string } & JobOfBatch)
	| ({ readonly type: 'progress' } & JobOfBatch & FrameProgress)
	/** `wasFinished`: an earlier run had done it all. */
	| ({ readonly type: 'finished'; readonly wasFinished: boolean } & JobOfBatch & PropagateClipResult)
	| ({ readonly type: 'failed'; readonly reason: string } & JobOfBatch);

type JobOfBatch = { readonly job: number; readonly name: string; readonly clip: string };

export type BatchResult = {
	readonly jobs: number;
	/** Done in this run, found finished, and failed: together all of them. */
	readonly finished: number;
	readonly wereFinished: number;
	readonly failed: number;
	readonly frames: number;
	readonly seconds: number;
};

type Checked = { readonly name: string; readonly command: ClipCommand };

/**
 * Does a list of runs on this machine. All of them are looked at before the first begins; one that fails is reported, and the rest goes on.
 * Repeated, it goes on where it was ended: finished results are known by what they were made from, see `RunNotes`.
 *
 * @throws UserError when the list can't be read, or one of its jobs can't be done as it stands; nothing has been started then
 * @throws AbortedError when the signal fires; finished clips and frames are kept
 */
export const runBatch = async (batch: BatchJob): Promise<BatchResult> => {
	const { signal, atOnce = 1, onEvent } = batch;
	const started = performance.now();
	const jobs = await checkedJobs(batch);
	const threads = atOnce === 1 ? undefined : Math.max(1, Math.floor(availableParallelism() / atOnce));
	let [finished, wereFinished, failed, frames] = [0, 0, 0, 0];
	let next = 0;
	const work = async (runner: ClipRunner): Promise<void> => {
		for (let at = next++; at < jobs.length; at = next++) {
			const { name, command } = jobs[at]!;
			const job = { job: at, name, clip: command.input };
			onEvent?.({ type: 'started', ...job });
			try {
				const result = await runner.run(command, {
					...{ ffmpeg: batch.ffmpeg, threads, signal },
					onNote: (text) => onEvent?.({ type: 'note', ...job, text }),
					onFrame: (progress) => onEvent?.({ type: 'progress', ...job, ...progress }),
				});
				const wasFinished = result.meanConfidence === undefined;
				wereFinished += wasFinished ? 1 : 0;
				finished += wasFinished ? 0 : 1;
				frames += wasFinished ? 0 : result.frames;
				onEvent?.({ type: 'finished', ...job, wasFinished, ...result });
			} catch (error) {
				throwIfAborted(signal);
				failed++;
				onEvent?.({ type: 'failed', ...job, reason: messageOf(error) });
			}
		}
	};
	const runners = Array.from({ length: Math.min(atOnce, jobs.length) }, () => new ClipRunner());
	// All of them come to an end, also when the first is cancelled: they close their files.
	const ends = await Promise.allSettled(runners.map(work));
	for (const runner of runners) {
		runner.close();
	}
	if (ends.some(({ status }) => status === 'rejected')) {
		const done = finished + wereFinished;
		throw new AbortedError(
			`Cancelled; ${done} of ${jobs.length} clips are finished. Repeat the command to go on where it was.`,
		);
	}
	const seconds = (performance.now() - started) / 1000;
	return { jobs: jobs.length, finished, wereFinished, failed, frames, seconds };
};

/** Clips that are looked at side by side: each starts ffmpeg. */
const CHECKED_AT_ONCE = 4;

/** Every job of the list, once all of them could begin. @throws UserError when one could not; it has been told which and why */
const checkedJobs = async (batch: BatchJob): Promise<Checked[]> => {
	const { signal, onEvent } = batch;
	const jobs: ListedJob[] = [];
	for await (const job of readJobList(batch.jobs, batch.defaults)) {
		jobs.push(job);
	}
	let [problems, checked, next] = [0, 0, 0];
	const tell = (name: string, reason: string): void => {
		problems++;
		onEvent?.({ type: 'problem', name, reason });
	};
	const files = new Map<number, Awaited<ReturnType<typeof checkClipCommand>>>();
	const check = async (): Promise<void> => {
		for (let at = next++; at < jobs.length; at = next++) {
			throwIfAborted(signal);
			const job = jobs[at];
			if (job !== undefined && 'problem' in job) {
				tell(job.name, job.problem);
			} else if (job !== undefined) {
				try {
					files.set(at, await checkClipCommand(job.command, { ffmpeg: batch.ffmpeg, signal }));
				} catch (error) {
					throwIfAborted(signal);
					tell(job.name, messageOf(error));
				}
			}
			onEvent?.({ type: 'checked', done: ++checked, total: jobs.length });
		}
	};
	await Promise.all(Array.from({ length: CHECKED_AT_ONCE }, check));

	const writer = new Map<string, string>();
	for (const [at, { outputs }] of [...files].sort(([a], [b]) => a - b)) {
		const name = jobs[at]?.name ?? '';
		for (const path of outputs.map((output) => resolve(output))) {
			const other = writer.get(path);
			if (other !== undefined && other !== name) {
				tell(name, `it writes "${path}", and so does ${other}; give each job places of its own`);
			}
			writer.set(path, name);
		}
	}
	for (const [at, { inputs }] of files) {
		for (const path of inputs.map((input) => resolve(input))) {
			const other = writer.get(path);
			if (other !== undefined) {
				tell(jobs[at]?.name ?? '', `it reads "${path}", which ${other} writes; give that another place`);
			}
		}
	}
	if (problems > 0) {
		throw new UserError(
			`The list "${batch.jobs}" has ${problems === 1 ? 'a problem, which is told above' : `${problems} problems, which are told above`}; nothing was started.`,
		);
	}
	return jobs.filter((job) => 'command' in job);
};
