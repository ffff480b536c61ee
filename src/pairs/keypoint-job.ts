import type { PointMatch } from './match-points.js';
import type { NamedPoints } from './named-points.js';

/** Points of one image that are to be found in another. */
export type KeypointJob = NamedPoints & {
	/** As written in the job file, relative to {@link KeypointJobs.folder}. */
	readonly source: string;
	readonly target: string;
	readonly category?: string | undefined;
	/** Of a COCO file: which of its annotations with keypoints the points are, counted from 0. */
	readonly annotation?: number | undefined;
};

export const jobFormats = ['json', 'csv', 'coco', 'spair'] as const;
export type JobFormat = (typeof jobFormats)[number];

/** A job file, whatever its format. */
export type KeypointJobs = {
	readonly format: JobFormat;
	/** Folder that image names are relative to. */
	readonly folder: string;
	readonly jobs: readonly KeypointJob[];
	/** The parsed file, for formats whose results go back into it. */
	readonly document: unknown;
};

/** What became of a job: its matches, or why there are none. */
export type KeypointResult = {
	readonly job: KeypointJob;
	/** Of the points in `found`; undefined when there is none. */
	readonly matches: readonly PointMatch[] | undefined;
	/** Which of the job's points were looked for: all but those outside the image. */
	readonly found: readonly number[];
	readonly error: string | undefined;
};
