import Papa from 'papaparse';
import type { Size } from '../core/size.js';
import { cocoFromResults, cocoSchema, cocoWithResults } from './coco.js';
import type { JobFormat, KeypointJobs, KeypointResult } from './keypoint-job.js';
import { spairFromResults } from './spair.js';

/**
 * The results as a file. COCO jobs are given back as their own file with annotations added; other formats are
 * written anew.
 *
 * @param sizes of the images by name, for formats that state them
 */
export const formatResults = (
	format: JobFormat,
	{ document }: Pick<KeypointJobs, 'document'>,
	results: readonly KeypointResult[],
	sizes: ReadonlyMap<string, Size>,
): string => {
	switch (format) {
		case 'csv':
			return csvOf(results);
		case 'coco': {
			const coco = cocoSchema.safeParse(document);
			return jsonOf(
				coco.success ? cocoWithResults(coco.data, results, sizes) : cocoFromResults(results, sizes),
			);
		}
		case 'spair':
			return jsonOf(spairFromResults(results));
		case 'json':
			return jsonOf({ results: results.map(recordOf) });
	}
};

const jsonOf = (document: unknown): string => `${JSON.stringify(document, undefined, '\t')}\n`;

/** More digits would pretend to a precision that is not there. */
const thousandths = (pixels: number): number => Math.round(pixels * 1000) / 1000;

const recordOf = ({ job, matches, found, error }: KeypointResult): unknown => ({
	source: job.source,
	target: job.target,
	...(job.category === undefined ? {} : { category: job.category }),
	...(error === undefined ? {} : { error }),
	matches: matches?.map(({ source, target, score }, index) => ({
		source,
		target: target.map(thousandths),
		score: Number(score.toFixed(4)),
		...(job.names[found[index] ?? index] === undefined ? {} : { name: job.names[found[index] ?? index] }),
	})),
});

const csvOf = (results: readonly KeypointResult[]): string => {
	const rows = results.flatMap(({ job, matches, found }) =>
		(matches ?? []).map(({ source, target, score }, index) => ({
			source: job.source,
			target: job.target,
			name: job.names[found[index] ?? index] ?? '',
			x: source[0],
			y: source[1],
			target_x: thousandths(target[0]),
			target_y: thousandths(target[1]),
			score: Number(score.toFixed(4)),
		})),
	);
	return `${Papa.unparse(rows, { newline: '\n' })}\n`;
};
