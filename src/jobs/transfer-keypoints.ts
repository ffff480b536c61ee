import { availableParallelism } from 'node:os';
import { extname, resolve } from 'node:path';
import { requireFree, writeFileAtomically } from '../core/atomic-file.js';
import { AbortedError, messageOf, throwIfAborted, UserError } from '../core/errors.js';
import type { Size } from '../core/size.js';
import { type DescribedImage, describeImage } from '../matching/described-image.js';
import { requireDistinct } from '../media/distinct-files.js';
import { readImage } from '../media/image.js';
import { formatResults } from '../pairs/format-results.js';
import type { JobFormat, KeypointJob, KeypointJobs, KeypointResult } from '../pairs/keypoint-job.js';
import type { PointMode } from '../pairs/modes.js';
import { isInside, outsideReason } from '../pairs/named-points.js';
import { type PointMatcher, pointMatcher } from '../pairs/point-matcher.js';
import { readJobs } from '../pairs/read-jobs.js';
import type { RuntimeOptions } from '../runtime/session.js';
import type { DescriptorCounts } from '../store/descriptor-store.js';
import { chosenModel, type ModelChoice, openStoredEngine, type StoredEngine } from './open-engine.js';

export type TransferJob = RuntimeOptions &
	ModelChoice & {
		/** The job file; see {@link readJobs}. */
		readonly jobs: string;
		readonly output: string;
		/** Format of the output; that of the jobs when omitted, or CSV when the output's name says so. */
		readonly format?: JobFormat | undefined;
		/** Folder that image names are relative to; the job file's when omitted. */
		readonly images?: string | undefined;
		/** Default: `smooth`. */
		readonly mode?: PointMode | undefined;
		/** Images that are described at once, each by an engine of its own. */
		readonly workers?: number | undefined;
		readonly overwrite?: boolean | undefined;
		readonly signal?: AbortSignal | undefined;
		/** `stage` is what is counted: images described, then jobs matched. */
		readonly onProgress?: ((done: number, total: number, stage: 'images' | 'jobs') => void) | undefined;
		readonly onFailure?: ((what: string, reason: string) => void) | undefined;
	};

export type TransferResult = {
	readonly output: string;
	readonly jobs: number;
	readonly failedJobs: number;
	readonly images: number;
	readonly failedImages: number;
	/** Descriptor maps that went through the model, and that were on disk already. */
	readonly computed: number;
	readonly cached: number;
};

/** Described images held in memory while jobs are matched; the others are read again from disk when needed. */
const HELD_IMAGES = 16;

/**
 * Carries out a file of keypoint jobs. Every image is described once, whatever the number of jobs it is in; what is
 * described stays on disk, so a run that was ended goes on where it was. An image or a job that fails is reported and
 * the rest goes on.
 *
 * @throws UserError for a job file that cannot be read and an output that exists
 * @throws AbortedError when the signal fires
 */
export const transferKeypoints = async (job: TransferJob): Promise<TransferResult> => {
	await requireFree([job.output], job.overwrite);
	const jobs = await readJobs(job.jobs, job.images);
	const format = outputFormat(job, jobs);
	await requireDistinct([job.output], [job.jobs]);
	const images = [...new Set(jobs.jobs.flatMap(({ source, target }) => [source, target]))];
	await requireDistinct(
		[job.output],
		images.map((name) => resolve(jobs.folder, name)),
	);
	const workers = Math.min(job.workers ?? 1, images.length);
	const engines = await openEngines(workers, job);
	try {
		const described = await describeAll(images, jobs.folder, engines, job);
		const [engine] = engines as [StoredEngine];
		const library = new DescribedImages(jobs.folder, engine);
		const find = pointMatcher(job.mode ?? 'smooth', engine.runtime, engine.model.manifest.image);
		const results: KeypointResult[] = [];
		for (const one of jobs.jobs) {
			throwIfAborted(job.signal);
			results.push(await carryOut(one, library, find, described.failures, job.onFailure));
			const { error } = results.at(-1) as KeypointResult;
			if (error !== undefined) {
				job.onFailure?.(`${one.source} -> ${one.target}`, error);
			}
			job.onProgress?.(results.length, jobs.jobs.length, 'jobs');
		}
		await writeFileAtomically(job.output, Buffer.from(formatResults(format, jobs, results, described.sizes)));
		return {
			output: job.output,
			jobs: results.length,
			failedJobs: results.filter(({ error }) => error !== undefined).length,
			images: images.length,
			failedImages: described.failures.size,
			computed: described.counts.computed,
			cached: described.counts.read,
		};
	} finally {
		await Promise.all(engines.map((engine) => engine.close()));
	}
};

const outputFormat = ({ format, output }: TransferJob, jobs: KeypointJobs): JobFormat => {
	const isCsv = extname(output).toLowerCase() === '.csv';
	if (format !== undefined && (format === 'csv') !== isCsv) {
		throw new UserError(
			`"${output}" doesn't go with the format ${format}; end it in ${format === 'csv' ? '.csv' : '.json'}.`,
		);
	}
	if (format !== undefined) {
		return format;
	}
	return isCsv ? 'csv' : jobs.format === 'csv' ? 'json' : jobs.format;
};

const openEngines = async (workers: number, job: TransferJob): Promise<StoredEngine[]> => {
	const { device, threads } = job;
	const { model, features } = await chosenModel(job);
	// Several engines that each took all cores would only wait for each other.
	const share =
		workers === 1 ? threads : (threads ?? Math.max(1, Math.floor(availableParallelism() / workers)));
	return Promise.all(
		Array.from({ length: workers }, () => openStoredEngine(model, { device, threads: share, features })),
	);
};

type AllDescribed = {
	readonly sizes: ReadonlyMap<string, Size>;
	/** Why an image cannot be used. */
	readonly failures: ReadonlyMap<string, string>;
	readonly counts: DescriptorCounts;
};

/** Sees to it that every image's descriptors are on disk, so that what follows never waits for the model. */
const describeAll = async (
	images: readonly string[],
	folder: string,
	engines: readonly StoredEngine[],
	{ signal, onProgress, onFailure }: TransferJob,
): Promise<AllDescribed> => {
	const sizes = new Map<string, Size>();
	const failures = new Map<string, string>();
	const queue = images.values();
	let done = 0;
	const work = async (engine: StoredEngine): Promise<void> => {
		// All workers draw from the one iterator.
		for (const name of queue) {
			throwIfAborted(signal);
			try {
				const image = await readImage(resolve(folder, name));
				await engine.extractor.extract(image);
				sizes.set(name, { width: image.width, height: image.height });
			} catch (error) {
				if (error instanceof AbortedError) {
					throw error;
				}
				failures.set(name, messageOf(error));
				onFailure?.(name, messageOf(error));
			}
			onProgress?.(++done, images.length, 'images');
		}
	};
	await Promise.all(engines.map(work));
	const counts = engines.reduce(
		(sum, { extractor }) => ({
			computed: sum.computed + extractor.counts.computed,
			read: sum.read + extractor.counts.read,
		}),
		{ computed: 0, read: 0 },
	);
	return { sizes, failures, counts };
};

/** Described images by name, the last few of them in memory. */
class DescribedImages {
	readonly #folder: string;
	readonly #engine: StoredEngine;
	readonly #held = new Map<string, DescribedImage>();

	constructor(folder: string, engine: StoredEngine) {
		this.#folder = folder;
		this.#engine = engine;
	}

	async get(name: string): Promise<DescribedImage> {
		const image =
			this.#held.get(name) ??
			(await describeImage(this.#engine.extractor, await readImage(resolve(this.#folder, name))));
		// Taken out and put in again, so that the map's order is that of the last use.
		this.#held.delete(name);
		this.#held.set(name, image);
		for (const oldest of this.#held.keys()) {
			if (this.#held.size <= HELD_IMAGES) {
				break;
			}
			this.#held.delete(oldest);
		}
		return image;
	}
}

const carryOut = async (
	job: KeypointJob,
	library: DescribedImages,
	find: PointMatcher,
	failures: ReadonlyMap<string, string>,
	onFailure: TransferJob['onFailure'],
): Promise<KeypointResult> => {
	try {
		for (const name of [job.source, job.target]) {
			const reason = failures.get(name);
			if (reason !== undefined) {
				throw new UserError(reason);
			}
		}
		const source = await library.get(job.source);
		const found = [...job.points.keys()].filter((point) => isInside(job.points[point], source));
		if (found.length < job.points.length) {
			const reason = outsideReason(job, source, job.source);
			if (found.length === 0) {
				throw new UserError(reason);
			}
			onFailure?.(`${job.source} -> ${job.target}`, `${reason} It is left out.`);
		}
		const target = await library.get(job.target);
		const points = found.map((point) => job.points[point]!);
		return { job, matches: await find(source, target, points), found, error: undefined };
	} catch (error) {
		return { job, matches: undefined, found: [], error: messageOf(error) };
	}
};
