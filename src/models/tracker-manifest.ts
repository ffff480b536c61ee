import { join } from 'node:path';
import { z } from 'zod';
import { bundledModelsFolder } from '../store/locations.js';
import { fileRecordsSchema, modelNameSchema } from './manifest.js';

const side = z.int().positive().max(8192);

/**
 * `manifest.json` of a mask tracker: three graphs (`encode` once a frame, `step` and `memorise` for its objects, see
 * training/export_tracker.py), and the size at which they see a frame.
 */
export const trackerManifestSchema = z.object({
	formatVersion: z.literal(1),
	name: modelNameSchema,
	kind: z.literal('tracker'),
	description: z.string(),
	license: z.string(),
	encode: z.string(),
	step: z.string(),
	memorise: z.string(),
	/** Short side of a frame in pixels, for each quality; sides are rounded to multiples of 32. */
	shortSide: z.object({ fast: side, balanced: side, best: side }),
	files: fileRecordsSchema,
});

type TrackerManifest = z.infer<typeof trackerManifestSchema>;

/** A mask tracker on this machine. */
export type InstalledTracker = { readonly folder: string; readonly manifest: TrackerManifest };

/** Folder of the tracker that comes with the program. */
export const bundledTrackerFolder = (): string => join(bundledModelsFolder(), 'propagate-small', 'tracker');
