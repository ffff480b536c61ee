import type { JobType } from 'bullmq';
import { throwIfAborted } from '../core/errors.js';
import {
	countJobs,
	type JobState,
	openQueue,
	type QueuedJob,
	queuedClipSchema,
	readJobs,
	TOGETHER,
} from './clip-queue.js';
import type { QueuePlace } from './redis.js';

export type QueueStatus = {
	readonly queue: string;
	/** How many jobs are where; finished ones are kept for a week, and 100,000 of them. */
	readonly jobs: Readonly<Record<JobState, number>>;
	/** Names of the workers that are connected. */
	readonly workers: readonly string[];
	/** Of the last ten minutes. */
	readonly completedPerMinute: number;
	readonly failedPerMinute: number;
};

export type ListedQueueJob = {
	readonly id: string;
	readonly state: JobState;
	readonly clip: string;
	readonly outputs: readonly string[];
	readonly attempts: number;
	readonly progress?: { readonly frame: number; readonly total?: number | undefined } | undefined;
	/** Why it failed, last. */
	readonly reason?: string | undefined;
	/** What made it, when it is completed. */
	readonly program?: string | undefined;
	readonly model?: string | undefined;
};

const MINUTES = 10;

/** How a queue stands. @throws UserError when Redis can't be used */
export const queueStatus = async (place: QueuePlace): Promise<QueueStatus> => {
	const { queue, name, close } = await openQueue(place);
	try {
		const workers = await queue.getWorkers();
		const rate = async (type: 'completed' | 'failed'): Promise<number> => {
			const { data } = await queue.getMetrics(type, 0, MINUTES - 1);
			return data.map(Number).reduce((sum, count) => sum + count, 0) / MINUTES;
		};
		return {
			queue: name,
			jobs: await countJobs({ queue }),
			workers: workers.map((worker) => (worker.name ?? '').replace(/^.*:w:/, '')).sort(),
			completedPerMinute: await rate('completed'),
			failedPerMinute: await rate('failed'),
		};
	} finally {
		await close();
	}
};

const typesOf = (state: JobState): JobType[] => (state === 'waiting' ? ['prioritized', 'waiting'] : [state]);

/**
 * The jobs of a queue that are in a state, first ones first; read in pieces, so that a long list takes no more memory than a short one.
 *
 * @throws UserError when Redis can't be used
 */
export async function* listQueue(
	place: QueuePlace,
	state: JobState,
	signal?: AbortSignal,
): AsyncGenerator<ListedQueueJob, void, void> {
	const open = await openQueue(place);
	try {
		for (const type of typesOf(state)) {
			for (let at = 0; ; at += TOGETHER) {
				throwIfAborted(signal);
				const jobs = await readJobs(open, type, at);
				yield* jobs.map(({ id, job }) => (job === undefined ? unreadable(id, state) : listed(job, state)));
				if (jobs.length < TOGETHER) {
					break;
				}
			}
		}
	} finally {
		await open.close();
	}
}

const unreadable = (id: string, state: JobState): ListedQueueJob => ({
	...{ id, state, attempts: 0, ...namesOf(undefined) },
});

/** Whoever can write to Redis may have put anything there: it is listed all the same. */
const namesOf = (data: unknown): Pick<ListedQueueJob, 'clip' | 'outputs'> => {
	const parsed = queuedClipSchema.safeParse(data);
	return parsed.success
		? { clip: parsed.data.command.input, outputs: parsed.data.command.output ?? [] }
		: { clip: '(not a job of propagate)', outputs: [] };
};

const listed = (job: QueuedJob, state: JobState): ListedQueueJob => ({
	id: job.id ?? '',
	state,
	...namesOf(job.data),
	attempts: job.attemptsStarted,
	progress: typeof job.progress === 'object' ? (job.progress as ListedQueueJob['progress']) : undefined,
	reason: state === 'failed' || state === 'delayed' ? job.failedReason : undefined,
	program: job.returnvalue?.program,
	model: job.returnvalue?.model,
});
