import type { TrackedPoint } from '../../core/point.js';
import type { Fraction } from '../../media/clip-info.js';

/** One point through all frames. */
export type Track = {
	readonly name: string;
	/** Where it was given. */
	readonly start: readonly [x: number, y: number];
	/** One for each frame. */
	readonly points: readonly TrackedPoint[];
};

/** What has been tracked in a clip, as every format tells it. */
export type Tracks = {
	/** Path of the clip. */
	readonly clip: string;
	/** The video, or the first of its images. */
	readonly firstFile: string;
	/** Of a frame as displayed, in pixels. */
	readonly width: number;
	readonly height: number;
	readonly frameRate: Fraction;
	/** The frame in which the tracks were given, from 0. */
	readonly at: number;
	/** The numbers in the names of frames that are numbered files. */
	readonly numbers: readonly number[] | undefined;
	/** The tracks are the corners of a plane, clockwise from the top left one. */
	readonly isPlane: boolean;
	readonly tracks: readonly Track[];
};

/** The four tracks of a plane. @throws Error when there are others */
export const cornersOf = ({ tracks }: Tracks): readonly [Track, Track, Track, Track] => {
	const [topLeft, topRight, bottomRight, bottomLeft] = tracks;
	if (
		topLeft === undefined ||
		topRight === undefined ||
		bottomRight === undefined ||
		bottomLeft === undefined
	) {
		throw new Error('A plane has four corners.');
	}
	return [topLeft, topRight, bottomRight, bottomLeft];
};

/** A thousandth of a pixel is finer than anything can be tracked. */
export const rounded = (value: number): number => Math.round(value * 1000) / 1000 + 0;

/** Names that nodes and controls may have in every program. */
export const plainName = (text: string): string =>
	text.replace(/[^A-Za-z0-9]+/g, '_').replace(/^(?=\d)/, '_');

/**
 * The number a frame has in programs that count a video's frames from 1, and those of a sequence by the numbers in their names.
 */
export const numberOfFrame = ({ numbers }: Tracks, frame: number): number => numbers?.[frame] ?? frame + 1;

/**
 * Frames that get a keyframe, and where the point is in them. Where it is hidden there is none: programs go in a straight line from
 * one to the next, and what was only guessed is not taken for found. A point that is seen nowhere else keeps its start.
 */
export const keyframes = ({ points }: Track): readonly (readonly [frame: number, point: TrackedPoint])[] =>
	[...points.entries()].filter(([, { visible }]) => visible);
