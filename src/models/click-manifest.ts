import { join } from 'node:path';
import { z } from 'zod';
import { bundledModelsFolder } from '../store/locations.js';
import { fileRecordsSchema, modelNameSchema } from './manifest.js';

const side = z.int().positive().max(2048);

/**
 * `manifest.json` of a click decoder: two graphs (`prepare` once an image, `decode` with every click, see training/export_clicks.py) that
 * stand on the recognition encoder of the model whose folder theirs lies in.
 */
export const clickManifestSchema = z.object({
	formatVersion: z.literal(1),
	name: modelNameSchema,
	kind: z.literal('clicks'),
	description: z.string(),
	license: z.string(),
	/** Tensors of the model's graph, in the order of the inputs of `prepare`. */
	taps: z.array(z.string()).min(1),
	prepare: z.string(),
	decode: z.string(),
	/** Short side in pixels of an image as the encoder sees it; sides are rounded to multiples of 32. */
	shortSide: side,
	/** A close-up has as many pixels as a square of this side. */
	closeUpSide: side,
	files: fileRecordsSchema,
});

export type ClickManifest = z.infer<typeof clickManifestSchema>;

/** Folder of the click decoder that comes with the program. */
export const bundledClicksFolder = (): string => join(bundledModelsFolder(), 'propagate-small', 'clicks');
