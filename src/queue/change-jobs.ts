import { throwIfAborted, UserError } from '../core/errors.js';
import { cancelledKey, type OpenQueue, openQueue, type QueuedJob, readJobs, TOGETHER } from './clip-queue.js';
import type { QueuePlace } from './redis.js';

export type JobsChoice = QueuePlace & {
	/** Ids of jobs; all that there are when empty. */
	readonly ids: readonly string[];
	readonly signal?: AbortSignal | undefined;
};

/**
 * Puts jobs that failed back into the queue, with all of their attempts before them.
 *
 * @returns how many
 * @throws UserError when there is no such job, or it has not failed
 */
export const retryQueued = async (choice: JobsChoice): Promise<number> => {
	const open = await openQueue(choice);
	try {
		let count = 0;
		const retry = async (job: QueuedJob): Promise<void> => {
			// Somebody may have wanted it given up when it had failed already.
			await open.redis.srem(cancelledKey(open.name), job.id ?? '');
			await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
			count++;
		};
		for (const job of await chosen(open, choice.ids)) {
			const state = await job.getState();
			if (state !== 'failed') {
				throw new UserError(
					`The job ${job.id} has not failed, but is ${state}; only failed ones are retried.`,
				);
			}
			await retry(job);
		}
		// Those that can't be read stay, and are passed over.
		for (let unreadable = 0; choice.ids.length === 0; ) {
			throwIfAborted(choice.signal);
			const failed = await readJobs(open, 'failed', unreadable);
			if (failed.length === 0) {
				break;
			}
			const jobs = failed.map(({ job }) => job).filter((job) => job !== undefined);
			unreadable += failed.length - jobs.length;
			await Promise.all(jobs.map(retry));
		}
		return count;
	} finally {
		await open.close();
	}
};

/**
 * Takes jobs out of the queue. One that is worked on is given up by its worker within seconds; what it has finished stays.
 *
 * @returns how many were taken out, and how many are to be given up
 * @throws UserError when there is no such job, or it is finished
 */
export const cancelQueued = async (
	choice: JobsChoice,
): Promise<{ readonly removed: number; readonly givenUp: number }> => {
	const open = await openQueue(choice);
	try {
		let removed = 0;
		if (choice.ids.length === 0) {
			removed = await drain(open);
		}
		const jobs =
			choice.ids.length === 0
				? (await readJobs(open, 'active', 0, -1)).map(({ job }) => job).filter((job) => job !== undefined)
				: await chosen(open, choice.ids);
		let givenUp = 0;
		for (const job of jobs) {
			const state = await job.getState();
			if (state === 'active') {
				await open.redis.sadd(cancelledKey(open.name), job.id ?? '');
				givenUp++;
			} else if (state === 'completed' || state === 'failed') {
				throw new UserError(`The job ${job.id} is ${state} already, and can't be cancelled.`);
			} else {
				await job.remove();
				removed++;
			}
		}
		return { removed, givenUp };
	} finally {
		await open.close();
	}
};

/**
 * Empties the queue of everything that nobody works on. What is worked on is finished.
 *
 * @returns how many jobs were taken out
 */
export const drainQueue = async (place: QueuePlace): Promise<number> => {
	const open = await openQueue(place);
	try {
		return await drain(open);
	} finally {
		await open.close();
	}
};

const drain = async ({ queue }: OpenQueue): Promise<number> => {
	let removed = 0;
	for (const type of ['wait', 'prioritized', 'delayed'] as const) {
		for (;;) {
			const ids = await queue.clean(0, TOGETHER, type);
			removed += ids.length;
			if (ids.length === 0) {
				break;
			}
		}
	}
	return removed;
};

const chosen = async ({ queue }: OpenQueue, ids: readonly string[]): Promise<QueuedJob[]> => {
	const found = await Promise.all(
		ids.map((id) =>
			queue.getJob(id).catch(() => {
				throw new UserError(`The job "${id}" can't be read; "propagate queue drain" removes it.`);
			}),
		),
	);
	const missing = ids.find((_, at) => found[at] === undefined);
	if (missing !== undefined) {
		throw new UserError(
			`There is no job "${missing}"; "propagate queue status --list waiting" lists their ids.`,
		);
	}
	return found.filter((job) => job !== undefined) as QueuedJob[];
};
