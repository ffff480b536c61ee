import type { Job, JobType, Queue } from 'bullmq';
import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { clipCommandSchema } from '../jobs/clip-command.js';
import { openRedis, type QueuePlace, type RedisConnection } from './redis.js';

/** What a job in the queue holds. Whoever can write to Redis can write anything there, so workers check it. */
export const queuedClipSchema = z.strictObject({ command: clipCommandSchema });
export type QueuedClip = z.output<typeof queuedClipSchema>;

/** What is kept with a finished job. What its results were made from stands beside them, see `RunNotes`. */
export type ClipReport = {
	readonly frames: number;
	/** Frames that had to be computed; the others were painted, or found by an earlier worker. */
	readonly computedFrames: number;
	readonly seconds: number;
	readonly outputs: readonly string[];
	/** Versions of what made it. */
	readonly program: string;
	readonly model: string;
	readonly worker: string;
};

export type QueuedJob = Job<QueuedClip, ClipReport, 'clip'>;

/** Jobs that are read or written in one go: what a long queue takes of memory here does not depend on its length. */
export const TOGETHER = 100;

const DEFAULT_QUEUE = 'propagate';

/** @throws UserError for a name that a queue can't have */
const queueName = ({ queue = DEFAULT_QUEUE }: QueuePlace): string => {
	if (!/^[\w.-]{1,100}$/.test(queue)) {
		throw new UserError(`"${queue}" is no name for a queue; use letters, digits, dots and dashes.`);
	}
	return queue;
};

/** A Redis set of the jobs that are to be given up by whoever works on them. */
export const cancelledKey = (name: string): string => `bull:${name}:propagate-cancelled`;

export type OpenQueue = RedisConnection & {
	readonly queue: Queue<QueuedClip, ClipReport, 'clip'>;
	readonly name: string;
	close(): Promise<void>;
};

/** Where a job can be. `waiting`: to be begun; `delayed`: to be begun again after a failure that may pass. */
const jobStates = ['waiting', 'active', 'delayed', 'completed', 'failed'] as const;
export type JobState = (typeof jobStates)[number];

/** How many jobs are where. */
export const countJobs = async ({
	queue,
}: Pick<OpenQueue, 'queue'>): Promise<Readonly<Record<JobState, number>>> => {
	const counts = await queue.getJobCounts(
		'waiting',
		'prioritized',
		'active',
		'delayed',
		'completed',
		'failed',
	);
	const of = (name: string): number => counts[name] ?? 0;
	return {
		waiting: of('waiting') + of('prioritized'),
		active: of('active'),
		delayed: of('delayed'),
		completed: of('completed'),
		failed: of('failed'),
	};
};

/**
 * Some jobs of a state, first ones first. Whoever can write to Redis may have written what can't be read: of such there is the id alone.
 */
export const readJobs = async (
	{ queue }: Pick<OpenQueue, 'queue'>,
	type: JobType,
	from = 0,
	count = TOGETHER,
): Promise<{ readonly id: string; readonly job: QueuedJob | undefined }[]> => {
	const ids = await queue.getRanges([type], from, count < 0 ? -1 : from + count - 1, true);
	return Promise.all(
		ids.map(async (id) => ({
			id,
			job: (await queue.getJob(id).catch(() => undefined)) as QueuedJob | undefined,
		})),
	);
};

/** @throws UserError when Redis can't be used */
export const openQueue = async (place: QueuePlace): Promise<OpenQueue> => {
	const name = queueName(place);
	const connection = await openRedis(place);
	const { Queue } = await import('bullmq');
	const queue = new Queue<QueuedClip, ClipReport, 'clip'>(name, { connection: connection.redis });
	// The connection tells of its own troubles.
	queue.on('error', () => {});
	return {
		...connection,
		...{ queue, name },
		close: async () => {
			if (connection.redis.status === 'ready') {
				await queue.close();
			}
			connection.leave();
		},
	};
};
