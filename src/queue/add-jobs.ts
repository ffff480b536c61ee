import { stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { messageOf, throwIfAborted, UserError } from '../core/errors.js';
import { isS3, isWithinS3, parseS3Place } from '../core/s3-place.js';
import { type ClipCommand, mapPaths, paintedPathsOf } from '../jobs/clip-command.js';
import { type JobDefaults, readJobList } from '../jobs/job-list.js';
import { fingerprint } from '../store/run-identity.js';
import { cancelledKey, openQueue, TOGETHER } from './clip-queue.js';
import { ObjectStore, type StoreAddress } from './object-store.js';
import type { QueuePlace } from './redis.js';

export type QueueAddition = QueuePlace &
	StoreAddress & {
		/** The list: see `readJobList`. */
		readonly jobs: string;
		/** What jobs do that do not say otherwise. */
		readonly defaults?: JobDefaults | undefined;
		/**
		 * All paths lie in this folder, on a disk or in S3, and are stored relative to it: workers may have it elsewhere. As absolute paths without.
		 */
		readonly root?: string | undefined;
		/** 1 is first; jobs of one priority are done in the order in which they came. Default: 10. */
		readonly priority?: number | undefined;
		/** How often a job is begun that fails for what may pass. Default: 8. */
		readonly attempts?: number | undefined;
		readonly signal?: AbortSignal | undefined;
		/** A job that can't be done as it stands: nothing will be added. */
		readonly onProblem?: ((name: string, reason: string) => void) | undefined;
		readonly onProgress?: ((done: number, total: number) => void) | undefined;
	};

export type QueueAdditionResult = {
	readonly added: number;
	/** Jobs of the same command on the same files, which the queue has already. */
	readonly known: number;
};

/** Of waiting before a job is begun again; doubled each time. */
const FIRST_PAUSE_MS = 5000;
/** Of BullMQ. */
const LAST_PRIORITY = 2 ** 21 - 1;
const KEPT = { age: 7 * 24 * 3600, count: 100_000 };

/**
 * Puts a list into the queue. A job that is there already, the same command on the same files, is not added again.
 *
 * @throws UserError when the list can't be read or one of its jobs can't be done as it stands; nothing has been added then
 */
export const addToQueue = async (addition: QueueAddition): Promise<QueueAdditionResult> => {
	const { signal, priority = 10, attempts = 8 } = addition;
	if (priority > LAST_PRIORITY) {
		throw new UserError(`${priority} is no priority; expected 1, which is first, to ${LAST_PRIORITY}.`);
	}
	const { count: total, usesS3 } = await lookAtJobs(addition);
	const store = usesS3 ? await ObjectStore.open(addition) : undefined;
	const { queue, redis, name, close } = await openQueue(addition);
	try {
		let [added, known] = [0, 0];
		for await (const commands of piecesOf(addition)) {
			throwIfAborted(signal);
			const some = await Promise.all(
				commands.map(async (command) => ({
					command: addition.root === undefined ? command : within(addition.root, command),
					jobId: fingerprint([command, await filesOf(command, store)]).slice(0, 32),
				})),
			);
			const found = await Promise.all(some.map(({ jobId }) => redis.exists(queue.toKey(jobId))));
			const fresh = some.filter((_, n) => found[n] === 0);
			if (fresh.length > 0) {
				// One that was cancelled may be asked for anew.
				await redis.srem(cancelledKey(name), ...fresh.map(({ jobId }) => jobId));
			}
			await queue.addBulk(
				fresh.map(({ command, jobId }) => ({
					name: 'clip' as const,
					data: { command },
					opts: {
						...{ jobId, priority, attempts, stackTraceLimit: 0 },
						backoff: { type: 'exponential', delay: FIRST_PAUSE_MS, jitter: 0.2 },
						...{ removeOnComplete: KEPT, removeOnFail: KEPT },
					},
				})),
			);
			added += fresh.length;
			known += some.length - fresh.length;
			addition.onProgress?.(added + known, total);
		}
		return { added, known };
	} finally {
		await close();
		store?.close();
	}
};

/** The commands of a list that is known to be right, some at a time. */
async function* piecesOf({ jobs, defaults }: QueueAddition): AsyncGenerator<ClipCommand[], void, void> {
	let piece: ClipCommand[] = [];
	for await (const job of readJobList(jobs, defaults)) {
		if ('problem' in job) {
			throw new Error(`The list "${jobs}" has changed while it was added: ${job.name}: ${job.problem}.`);
		}
		piece.push(job.command);
		if (piece.length === TOGETHER) {
			yield piece;
			piece = [];
		}
	}
	if (piece.length > 0) {
		yield piece;
	}
}

/** How many jobs the list has. @throws UserError when one of them can't be done as it stands */
const lookAtJobs = async (
	addition: QueueAddition,
): Promise<{ readonly count: number; readonly usesS3: boolean }> => {
	let usesS3 = false;
	// Of a long list, fingerprints take less memory than paths.
	const written = new Set<string>();
	let [count, problems] = [0, 0];
	const tell = (name: string, reason: string): void => {
		problems++;
		addition.onProblem?.(name, reason);
	};
	for await (const job of readJobList(addition.jobs, addition.defaults)) {
		count++;
		if ('problem' in job) {
			tell(job.name, job.problem);
			continue;
		}
		const wrong = problemInS3(job.command);
		if (wrong !== undefined) {
			tell(job.name, wrong);
			continue;
		}
		usesS3 ||= placesInS3(job.command).length > 0;
		for (const place of job.command.output ?? []) {
			const print = fingerprint(resolve(place)).slice(0, 16);
			if (written.has(print)) {
				tell(job.name, `it writes "${place}", and so does a job before it; give each job places of its own`);
			}
			written.add(print);
		}
		const outside = addition.root === undefined ? undefined : outsideOf(addition.root, job.command);
		if (outside !== undefined) {
			tell(job.name, `"${outside}" is not in "${addition.root}", as --root says of all paths`);
		}
	}
	if (problems > 0) {
		throw new UserError(
			`The list "${addition.jobs}" has ${problems === 1 ? 'a problem, which is told above' : `${problems} problems, which are told above`}; nothing was added.`,
		);
	}
	return { count, usesS3 };
};

const placesInS3 = (command: ClipCommand): string[] => {
	const places: string[] = [];
	mapPaths(command, (path) => {
		places.push(...(isS3(path) ? [path] : []));
		return path;
	});
	return places;
};

const problemInS3 = (command: ClipCommand): string | undefined => {
	try {
		placesInS3(command).forEach(parseS3Place);
		return undefined;
	} catch (error) {
		return messageOf(error);
	}
};

/** The way from a root to what lies in it; undefined for what does not. */
const wayTo = (root: string, path: string): string | undefined => {
	if (isS3(root)) {
		const folder = parseS3Place(root);
		return isS3(path) && isWithinS3(parseS3Place(path), folder)
			? parseS3Place(path).key.slice(folder.key.replace(/\/$/, '').length).replace(/^\//, '')
			: undefined;
	}
	const inside = relative(resolve(root), path);
	const isOutside = isS3(path) || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside);
	return isOutside ? undefined : inside.replaceAll(sep, '/');
};

const within = (root: string, command: ClipCommand): ClipCommand =>
	mapPaths(command, (path) => wayTo(root, path) || '.');

const outsideOf = (root: string, command: ClipCommand): string | undefined => {
	let outside: string | undefined;
	mapPaths(command, (path) => {
		if (wayTo(root, path) === undefined) {
			outside ??= path;
		}
		return path;
	});
	return outside;
};

/** What can be seen from here of the files that a command reads: a mask that was painted anew makes another job. */
const filesOf = (command: ClipCommand, store: ObjectStore | undefined): Promise<(string | null)[]> =>
	Promise.all(
		[command.input, ...paintedPathsOf(command)].map(async (path) => {
			if (isS3(path)) {
				const object = await store?.find(parseS3Place(path));
				return object === undefined ? null : `${object.bytes} ${object.tag ?? object.changed?.getTime()}`;
			}
			const found = await stat(path).catch(() => undefined);
			return found === undefined ? null : `${found.size} ${found.mtimeMs}`;
		}),
	);
