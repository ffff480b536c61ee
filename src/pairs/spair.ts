import { z } from 'zod';
import { pairOfListSchema, spairAnnotationSchema } from '../media/annotated-pairs.js';
import type { KeypointJob, KeypointResult } from './keypoint-job.js';

const pairSchema = z.union([pairOfListSchema, spairAnnotationSchema]);
type SpairPair = z.infer<typeof pairSchema>;

/** One pair, or a list of them. */
export const spairSchema = z.union([
	z.array(pairSchema).min(1),
	pairSchema.transform((pair): SpairPair[] => [pair]),
]);

const isReleased = (pair: SpairPair): pair is z.infer<typeof pairOfListSchema> => 'source_path' in pair;

export const spairJobs = (pairs: readonly SpairPair[]): KeypointJob[] =>
	pairs.map((pair) =>
		isReleased(pair)
			? {
					source: pair.source_path,
					target: pair.target_path,
					category: pair.category,
					points: pair.source_points,
					names: pair.source_points.map(() => undefined),
				}
			: {
					source: `${pair.category}/${pair.src_imname}`,
					target: `${pair.category}/${pair.trg_imname}`,
					category: pair.category,
					points: pair.src_kps,
					names: pair.src_kps.map((_, index) => pair.kps_ids?.[index]?.toString()),
				},
	);

/** Pairs with the points found, in the fields where the data set has its true ones, and their scores. */
export const spairFromResults = (results: readonly KeypointResult[]): unknown[] =>
	results.flatMap(({ job, matches, found }) =>
		matches === undefined
			? []
			: [
					{
						source_path: job.source,
						target_path: job.target,
						...(job.category === undefined ? {} : { category: job.category }),
						source_points: found.map((point) => job.points[point]),
						target_points: matches.map(({ target }) => target),
						scores: matches.map(({ score }) => score),
					},
				],
	);
