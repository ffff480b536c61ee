import { dirname } from 'node:path';
import { requireFree, writeFileAtomically } from '../core/atomic-file.js';
import { throwIfAborted, UserError } from '../core/errors.js';
import { requireDistinct } from '../media/distinct-files.js';
import { exactFrameRate } from '../output/project-files/project.js';
import { trackFormatOf } from '../output/tracks/track-format.js';
import type { Tracks } from '../output/tracks/tracks.js';
import type { PointsOfFrame } from '../tracks/track-frames.js';
import {
	type OpenTracking,
	openPlaneTracking,
	openPointTracking,
	type TrackPlaneJob,
	type TrackPointsJob,
} from './track-points.js';

export type TrackClipJob = Omit<TrackPointsJob, 'points'> &
	Partial<Pick<TrackPointsJob, 'points'> & Pick<TrackPlaneJob, 'plane'>> & {
		/** Files to write; their extensions say for whom: `.json`, `.csv`, `.jsx`, `.txt`, `.nk`, `.setting`, `.py`. */
		readonly outputs: readonly string[];
		readonly overwrite?: boolean | undefined;
		/** Called for each frame, in the order of {@link trackPoints}. @param total undefined where the length is not known */
		readonly onFrame?: ((frame: PointsOfFrame, total: number | undefined) => void) | undefined;
	};

export type TrackClipResult = {
	readonly outputs: readonly string[];
	readonly frames: number;
	readonly tracks: number;
	/** Of all tracks in all frames, 0..1. */
	readonly visibleShare: number;
	readonly seconds: number;
};

/**
 * Follows points, or a plane, through a clip and writes where they are: what `propagate track` does. Outputs appear under their own
 * names when all is known.
 *
 * @throws UserError for bad input; nothing has been written then
 * @throws AbortedError when the signal fires
 */
export const trackClip = async (job: TrackClipJob): Promise<TrackClipResult> => {
	const started = performance.now();
	const formats = job.outputs.map((path) => ({ path, format: trackFormatOf(path) }));
	await requireFree(job.outputs, job.overwrite);
	const tracking = await openTracking(job);
	const { clip, given } = tracking;
	const ofOne = formats.find(({ format }) => format.isOfOnePoint);
	if (ofOne !== undefined && job.plane === undefined && given.points.length > 1) {
		throw new UserError(
			`"${ofOne.path}" has room for one point, which is pasted onto one layer; give one point, or a name that ends in .jsx.`,
		);
	}
	const inputs = [...clip.files, ...(clip.kind === 'images' ? [dirname(clip.files[0] ?? '.')] : [])];
	const lists = [job.points, job.plane].filter((list) => typeof list === 'string');
	await requireDistinct(job.outputs, [...inputs, ...lists]);

	const found: PointsOfFrame[] = [];
	for await (const frame of tracking.frames()) {
		throwIfAborted(job.signal);
		found[frame.frame] = frame;
		job.onFrame?.(frame, clip.info.estimatedFrames);
	}
	const tracks = tracksOf(tracking, found, job.plane !== undefined);
	for (const { path, format } of formats) {
		await writeFileAtomically(path, Buffer.from(await format.text(tracks, path)));
	}
	const all = found.flatMap(({ points }) => points);
	return {
		outputs: job.outputs,
		...{ frames: found.length, tracks: given.points.length },
		visibleShare: all.filter(({ visible }) => visible).length / all.length,
		seconds: (performance.now() - started) / 1000,
	};
};

const openTracking = (job: TrackClipJob): Promise<OpenTracking> => {
	const { points, plane } = job;
	if ((points === undefined) === (plane === undefined)) {
		throw new UserError(
			"Give what is to be tracked: --points '[[x, y], …]', or the four corners of a --plane.",
		);
	}
	return points === undefined
		? openPlaneTracking({ ...job, plane: plane ?? [] })
		: openPointTracking({ ...job, points });
};

const tracksOf = (
	{ clip, at, size, given }: OpenTracking,
	found: readonly PointsOfFrame[],
	isPlane: boolean,
): Tracks => ({
	clip: clip.path,
	firstFile: clip.files[0] ?? clip.path,
	...size,
	frameRate: clip.info.rate ?? exactFrameRate(clip.info.frameRate),
	...{ at, numbers: clip.numbers, isPlane },
	tracks: given.points.map((start, i) => ({
		name: given.names[i] ?? `track ${i + 1}`,
		start,
		points: found.map(({ points }) => points[i]).filter((point) => point !== undefined),
	})),
});
