import { z } from 'zod';

const points = z.array(z.tuple([z.number(), z.number()])).min(1);

/** The released lists of the paper: pairs with paths below an image folder. */
export const pairOfListSchema = z.looseObject({
	source_path: z.string(),
	target_path: z.string(),
	source_points: points,
	category: z.string().optional(),
});

/** A pair as SPair-71k has it in `PairAnnotation/`. */
export const spairAnnotationSchema = z.looseObject({
	src_imname: z.string(),
	trg_imname: z.string(),
	src_kps: points,
	category: z.string(),
	kps_ids: z.array(z.union([z.string(), z.number()])).optional(),
});
