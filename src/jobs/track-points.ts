import { UserError } from '../core/errors.js';
import type { Raster } from '../core/frame.js';
import type { Point } from '../core/point.js';
import type { Size } from '../core/size.js';
import type { EditLayer } from '../edits/difference-matte.js';
import { readEdit } from '../edits/edit-layer.js';
import { type Clip, openClip } from '../media/clip.js';
import { frameAt } from '../media/frame-at.js';
import { parsePosition } from '../media/position.js';
import { RunFrames } from '../media/run-frames.js';
import { type NamedPoints, namedPointsFrom, requireInside } from '../pairs/named-points.js';
import { readPoints } from '../pairs/read-points.js';
import { loadPreset } from '../presets/preset.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { type Corners, isConvex, PlaneTracker } from '../tracks/plane-tracker.js';
import { PointTracker } from '../tracks/point-tracker.js';
import { type PointsOfFrame, type SeenFrame, type Tracker, trackFrames } from '../tracks/track-frames.js';
import { MOST_DESCRIPTOR_BYTES, openStoredEngine } from './open-engine.js';

/** Which clip is tracked in, and from where. */
export type TrackingJob = RuntimeOptions & {
	/** Video file, folder of frames, or pattern of frame names. */
	readonly input: string;
	/** The frame in which they are given: a number from 0, or the one in an image's name; or a time like `1.5s`. Default: the first. */
	readonly at?: string | undefined;
	/** Frames a second of still images. Default: 25. */
	readonly fps?: number | undefined;
	readonly model?: string | undefined;
	readonly preset?: string | undefined;
	/** False: descriptors of earlier runs are not used, and none are left for later ones. Default: true. */
	readonly cache?: boolean | undefined;
	readonly ffmpeg?: string | undefined;
	readonly signal?: AbortSignal | undefined;
};

export type TrackPointsJob = TrackingJob & {
	/**
	 * In pixels of the frame as displayed, top-left origin, pixel centres at integers: `[x, y]` each, or as on the command line, JSON text
	 * or the name of a `.json` or `.csv` file.
	 */
	readonly points: string | readonly Point[];
};

export type TrackPlaneJob = TrackingJob & {
	/**
	 * Its four corners, clockwise from the top left one, given as {@link TrackPointsJob} `points` are; they may lie outside the frame. Or
	 * an image: what `--edit` takes, whose box is the plane.
	 */
	readonly plane: string | readonly Point[];
};

/** What is tracked, once the clip is open. */
export type OpenTracking = {
	readonly clip: Clip;
	/** Place of the frame in which it is given. */
	readonly at: number;
	readonly size: Size;
	readonly given: NamedPoints;
	/** From that frame to the end, then from it to the beginning. */
	frames(): AsyncGenerator<PointsOfFrame, void, void>;
};

/**
 * Follows points through a clip, both ways from the frame in which they are given: sub-pixel, and found again when something
 * was in front. That frame comes first, then those after it, then those before it, the nearest first; every frame once. It works as
 * fast as it is read from, and leaving the loop ends it.
 *
 *     for await (const { frame, points } of trackPoints({ input: 'clip.mp4', points: [[120, 80]] })) {
 *       console.log(frame, points[0].x, points[0].y, points[0].visible);
 *     }
 *
 * @throws UserError for bad input and points outside the frame, before the first frame
 * @throws AbortedError when the signal fires
 */
export async function* trackPoints(job: TrackPointsJob): AsyncGenerator<PointsOfFrame, void, void> {
	yield* (await openPointTracking(job)).frames();
}

/**
 * Follows the plane between four corners through a clip, as `--edit-mode planar` follows what an edit lies on: each frame's
 * `points` are where the corners are. Otherwise as {@link trackPoints}.
 */
export async function* trackPlane(job: TrackPlaneJob): AsyncGenerator<PointsOfFrame, void, void> {
	yield* (await openPlaneTracking(job)).frames();
}

/** @throws UserError for bad input; nothing has been computed then */
export const openPointTracking = async (job: TrackPointsJob): Promise<OpenTracking> => {
	const given = await pointsFrom(job.points, '--points');
	return openTracking(job, (image) => {
		requireInside(given, image, job.input);
		return { given, start: (first, size) => new PointTracker(given.points, size, first) };
	});
};

/** The names of a plane's corners, in their order. */
const cornerNames = ['top left', 'top right', 'bottom right', 'bottom left'] as const;

/** @throws UserError for bad input; nothing has been computed then */
export const openPlaneTracking = async (job: TrackPlaneJob): Promise<OpenTracking> => {
	const { plane } = job;
	const layer = typeof plane === 'string' && isImageName(plane) ? plane : undefined;
	const typed = layer === undefined ? (await pointsFrom(plane, '--plane')).points : undefined;
	if (typed !== undefined && !isPlane(typed)) {
		throw new UserError(
			'The plane needs four corners, clockwise from the top left one: [[x, y], [x, y], [x, y], [x, y]], without a dent.',
		);
	}
	return openTracking(job, async (image) => {
		const corners = typed ?? boxOf((await readEdit(layer ?? '', image)).layer);
		requireInSight(corners, image, job.input);
		return {
			given: { points: corners, names: cornerNames },
			start: (first, size) => new PlaneTracker(corners, size, first),
		};
	});
};

const isPlane = (points: readonly Point[]): points is Corners =>
	points.length === 4 && isConvex(points as unknown as Corners);

const isImageName = (text: string): boolean => /\.(png|jpe?g|webp|tiff?)$/i.test(text);

const pointsFrom = async (points: string | readonly Point[], option: string): Promise<NamedPoints> =>
	typeof points === 'string' ? readPoints(points, option) : namedPointsFrom(points, option);

/** The box around what a layer shows. */
const boxOf = ({ width, height, data }: EditLayer): Corners => {
	let [left, top, right, bottom] = [width, height, 0, 0];
	for (let pixel = 0; pixel < width * height; pixel++) {
		if (data[pixel * 4 + 3]! > 0) {
			const [x, y] = [pixel % width, Math.floor(pixel / width)];
			[left, right] = [Math.min(left, x), Math.max(right, x)];
			[top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
		}
	}
	return [
		[left, top],
		[right, top],
		[right, bottom],
		[left, bottom],
	];
};

/** @throws UserError when the frame shows nothing between corners */
const requireInSight = (corners: Corners, { width, height }: Size, input: string): void => {
	const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
	if (Math.max(...xs) < 0 || Math.max(...ys) < 0 || Math.min(...xs) >= width || Math.min(...ys) >= height) {
		throw new UserError(`The plane lies outside "${input}", which is ${width}×${height}.`);
	}
};

type Tracked = {
	readonly given: NamedPoints;
	readonly start: (first: SeenFrame, size: Size) => Tracker;
};

/** @param choose what is tracked, with the frame in which it is given */
const openTracking = async (
	job: TrackingJob,
	choose: (image: Raster<3>) => Promise<Tracked> | Tracked,
): Promise<OpenTracking> => {
	const { input, ffmpeg, signal } = job;
	const asked = parsePosition(job.at ?? '0');
	const preset = await loadPreset(job.preset);
	const clip = await openClip(input, { ffmpeg, signal, frameRate: job.fps });
	const { image, index } = await frameAt(clip, asked, signal);
	const { given, start } = await choose(image);
	// Frame 0 is the first one, whatever its number.
	const at = 'frame' in asked && asked.frame === 0 ? 0 : (clip.numbers?.indexOf(index) ?? index);
	return {
		...{ clip, at, given },
		size: { width: image.width, height: image.height },
		async *frames() {
			const engine = await openStoredEngine(
				job.model ?? preset.model,
				{ ...job, precision: preset.precision, features: preset.features },
				{ folder: job.cache === false ? null : undefined, mostBytes: MOST_DESCRIPTOR_BYTES },
			);
			try {
				yield* trackFrames(new RunFrames(clip, { signal }, at > 0), at, engine.extractor, start);
			} finally {
				await engine.close();
			}
		},
	};
};
