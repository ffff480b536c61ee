import { z } from 'zod';

const triple = z.tuple([z.number(), z.number(), z.number()]);

/** How images are brought to a network that takes squares. */
export const squareInputSchema = z.strictObject({
	/** Pixels along a side; the aspect ratio is not kept. */
	side: z.int().positive().max(4096),
	/** Of values in 0..1: `(value - mean) / std`. */
	mean: triple,
	std: triple,
});

/** Where a layer is found in a graph. `{layer}` stands for the layer's number. */
const findSchema = z.union([
	/** A tensor of exactly this name. */
	z.strictObject({ tensor: z.string() }),
	/**
	 * The output of the node that reads a weight whose name ends like this. Exporters keep the names of biases where
	 * they rename everything else.
	 */
	z.strictObject({
		weight: z.string(),
		/** Operators to go on through from there, each the one that reads the result. */
		via: z.array(z.string()).default([]),
		/** Which part of the channels, of how many: keys are the second of three where queries, keys and values are one. */
		part: z.tuple([z.int().nonnegative(), z.int().positive()]).optional(),
	}),
]);

/** A backbone as data (`presets/backbones/<name>.json`): what its features are and how they become a map. */
export const backboneSchema = z.strictObject({
	name: z.string(),
	description: z.string(),
	license: z.string(),
	image: squareInputSchema,
	/** Numbers of the layers that are tapped, as the network's authors count them. */
	layers: z.array(z.int().nonnegative()).min(1).max(256),
	/** Ways to find a layer, tried in order. */
	find: z.array(findSchema).min(1),
	layout: z.discriminatedUnion('kind', [
		/** [1, C, h, w]. */
		z.strictObject({ kind: z.literal('map') }),
		/** [1, prefix + n * n, C], row by row after `prefix` tokens that stand for no place (class token, registers). */
		z.strictObject({ kind: z.literal('tokens'), prefix: z.int().nonnegative() }),
	]),
	/** What surrounds a cell joins its descriptor: 1 + 8 bins a level, coarser and further out (Amir et al. 2021). */
	logBins: z.strictObject({ levels: z.int().min(1).max(4) }).optional(),
});

export type BackboneDescription = z.infer<typeof backboneSchema>;
