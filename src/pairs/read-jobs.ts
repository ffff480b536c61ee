import { dirname, extname, resolve } from 'node:path';
import Papa from 'papaparse';
import { z } from 'zod';
import { messageOf, UserError } from '../core/errors.js';
import { readGivenText } from '../core/given-file.js';
import { cocoJobs, cocoSchema } from './coco.js';
import type { KeypointJob, KeypointJobs } from './keypoint-job.js';
import { namedPointsFrom } from './named-points.js';
import { spairJobs, spairSchema } from './spair.js';

const jobSchema = z.object({
	source: z.string().min(1),
	target: z.string().min(1),
	points: z.unknown(),
	category: z.string().optional(),
});
const jobsSchema = z.union([
	z.array(jobSchema).min(1),
	z.object({ jobs: z.array(jobSchema).min(1) }).transform(({ jobs }) => jobs),
]);

const EXPECTED =
	'expected [{"source": "a.jpg", "target": "b.jpg", "points": [[x, y], …]}, …], COCO keypoints, or SPair pairs';

/**
 * Reads a job file; JSON files are told apart by what is in them.
 *
 * @param images folder that image names are relative to; that of the file when omitted
 * @throws UserError when the file holds no jobs
 */
export const readJobs = async (path: string, images?: string): Promise<KeypointJobs> => {
	const text = await readGivenText(path, `The job file "${path}"`);
	const folder = resolve(images ?? dirname(path));
	if (extname(path).toLowerCase() === '.csv') {
		return { format: 'csv', folder, jobs: csvJobs(text, path), document: undefined };
	}
	let document: unknown;
	try {
		document = JSON.parse(text);
	} catch (error) {
		throw new UserError(`The job file "${path}" is not valid JSON (${messageOf(error)}); ${EXPECTED}.`);
	}
	const { format, jobs } = jobsOf(document, path);
	if (jobs.length === 0) {
		throw new UserError(
			`The job file "${path}" asks for nothing: it needs an image with keypoints and one without.`,
		);
	}
	return { format, folder, jobs, document };
};

const jobsOf = (document: unknown, path: string): Pick<KeypointJobs, 'format' | 'jobs'> => {
	const coco = cocoSchema.safeParse(document);
	if (coco.success) {
		return { format: 'coco', jobs: cocoJobs(coco.data) };
	}
	const spair = spairSchema.safeParse(document);
	if (spair.success) {
		return { format: 'spair', jobs: spairJobs(spair.data) };
	}
	const own = jobsSchema.safeParse(document);
	if (!own.success) {
		throw new UserError(`The job file "${path}" can't be used; ${EXPECTED}.`);
	}
	return {
		format: 'json',
		jobs: own.data.map(({ points, ...job }, index) => ({
			...job,
			...namedPointsFrom(points, `job ${index + 1} of "${path}"`),
		})),
	};
};

const COLUMNS = ['source', 'target', 'x', 'y'] as const;

/** A row a point; rows with the same images are one job. */
const csvJobs = (text: string, path: string): KeypointJob[] => {
	const seen = new Set<string>();
	const { data, meta } = Papa.parse<Record<string, string>>(text, {
		header: true,
		skipEmptyLines: 'greedy',
		// Papa Parse says a word about columns of the same name; only the first is of interest.
		transformHeader: (name, at) => {
			const column = name.trim().toLowerCase();
			const isNew = !seen.has(column);
			seen.add(column);
			return isNew ? column : `${column} (column ${(at ?? 0) + 1})`;
		},
	});
	const missing = COLUMNS.filter((column) => !meta.fields?.includes(column));
	if (missing.length > 0 || data.length === 0) {
		throw new UserError(
			`The job file "${path}" can't be used: ${missing.length > 0 ? `it has no column ${missing.join(', ')}` : 'it has no rows'}; expected the columns source,target,x,y and perhaps name.`,
		);
	}
	const jobs = new Map<
		string,
		{ source: string; target: string; points: [number, number][]; names: (string | undefined)[] }
	>();
	data.forEach((row, index) => {
		const { source = '', target = '' } = row;
		const at = [row.x, row.y].map((cell) =>
			cell === undefined || cell.trim() === '' ? Number.NaN : Number(cell),
		);
		if (source === '' || target === '' || at.some((value) => !Number.isFinite(value))) {
			throw new UserError(`Line ${index + 2} of "${path}" is not a point; expected source,target,x,y.`);
		}
		const key = JSON.stringify([source, target]);
		const job = jobs.get(key) ?? { source, target, points: [], names: [] };
		job.points.push(at as [number, number]);
		job.names.push(row.name || undefined);
		jobs.set(key, job);
	});
	return [...jobs.values()];
};
