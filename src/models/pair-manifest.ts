import { z } from 'zod';
import { fileRecordsSchema, modelNameSchema } from './manifest.js';

/** What the numbers of a flow mean. */
export const flowConventionSchema = z.strictObject({
	/**
	 * Which image's places the flow has an entry for: `target` says for each place of the second image where it comes
	 * from in the first, `source` for each place of the first where it goes in the second.
	 */
	grid: z.enum(['target', 'source']),
	/** A place in the other image, or the way there. */
	values: z.enum(['position', 'displacement']),
	/** Pixels of the network's input, cells of the flow's own grid, or -1..1 between the outermost pixels' centres. */
	units: z.enum(['input-pixels', 'cells', 'normalised']),
});

export type FlowConvention = z.infer<typeof flowConventionSchema>;

const triple = z.tuple([z.number(), z.number(), z.number()]);

/**
 * `manifest.json` of a model that matches two images by itself, such as the supervised ones of the paper's table 1:
 * inputs `source` and `target` [1, 3, side, side], output `flow` [1, 2, h, w], x before y.
 */
export const pairManifestSchema = z.object({
	formatVersion: z.literal(1),
	name: modelNameSchema,
	kind: z.literal('pair'),
	description: z.string(),
	license: z.string(),
	graph: z.string(),
	image: z.object({ side: z.int().positive().max(8192), mean: triple, std: triple }),
	flow: flowConventionSchema,
	files: fileRecordsSchema,
});

export type PairManifest = z.infer<typeof pairManifestSchema>;
