import { z } from 'zod';
import type { KeypointJob, KeypointResult } from './keypoint-job.js';

const points = z.array(z.tuple([z.number(), z.number()])).min(1);

/** The released lists of the paper: pairs with paths below an image folder. */
export const releasedSchema = z.looseObject({
	source_path: z.string(),
	target_path: z.string(),
	source_points: points,
	category: z.string().optional(),
});

/** A pair as SPair-71k has it in `PairAnnotation/`. */
export const originalSchema = z.looseObject({
	src_imname: z.string(),
	trg_imname: z.string(),
	src_kps: points,
	category: z.string(),
	kps_ids: z.array(z.union([z.string(), z.number()])).optional(),
});

const pairSchema = z.union([releasedSchema, originalSchema]);
type SpairPair = z.infer<typeof pairSchema>;

/** One pair, or a list of them. */
export const spairSchema = z.union([
	z.array(pairSchema).min(1),
	pairSchema.transform((pair): SpairPair[] => [pair]),
]);

const isReleased = (pair: SpairPair): pair is z.infer<typeof releasedSchema> => 'source_path' in pair;

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
