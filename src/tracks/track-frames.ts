import type { DescriptorExtractor } from '../core/descriptor-map.js';
import type { Frame } from '../core/frame.js';
import type { TrackedPoint } from '../core/point.js';
import type { Size } from '../core/size.js';
import type { CellDescriptors } from '../matching/cell-descriptors.js';
import type { RunFrames } from '../media/run-frames.js';
import { unitDescriptors } from '../motion/descriptor-tracks.js';
import { type LumaPyramid, lumaPyramid } from '../motion/luma-pyramid.js';

/** Where points are in one frame. */
export type PointsOfFrame = {
	/** In the clip, from 0. */
	readonly frame: number;
	/** From the start of the clip. */
	readonly timeSeconds: number;
	/** As many as were given, in their order. */
	readonly points: readonly TrackedPoint[];
};

/** A frame as trackers want it. */
export type SeenFrame = {
	readonly pyramid: LumaPyramid;
	/** Of length 1. */
	readonly descriptors: CellDescriptors;
};

/** What follows points from one frame to its neighbour, in order. */
export type Tracker = {
	/** In the frame it has come to. */
	readonly points: readonly TrackedPoint[];
	advance(frame: SeenFrame): void;
};

/** Of a frame's pyramid: at the coarsest, patches reach 64 pixels. */
const PYRAMID_LEVELS = 4;

/**
 * Follows points through frames, both ways from the one in which they are given: that frame first and those after it, then
 * those before it, the nearest first.
 *
 * @param start makes a tracker that stands in frame `at`; asked once for each way
 */
export async function* trackFrames(
	frames: RunFrames,
	at: number,
	extractor: DescriptorExtractor,
	start: (first: SeenFrame, size: Size) => Tracker,
): AsyncGenerator<PointsOfFrame, void, void> {
	let first: SeenFrame | undefined;
	for (const way of at === 0 ? [frames.between(at)] : [frames.between(at), frames.backwards(at, 0)]) {
		let tracker: Tracker | undefined;
		for await (const frame of way) {
			const { index, timeSeconds } = frame;
			const isFirst = first === undefined;
			if (tracker === undefined) {
				first ??= await see(frame, extractor);
				tracker = start(first, frame.image);
				if (!isFirst) {
					continue;
				}
			} else {
				tracker.advance(await see(frame, extractor));
			}
			yield { frame: index, timeSeconds, points: tracker.points };
		}
	}
}

const see = async ({ image }: Frame, extractor: DescriptorExtractor): Promise<SeenFrame> => ({
	pyramid: lumaPyramid(image, PYRAMID_LEVELS),
	descriptors: unitDescriptors(await extractor.extract(image)),
});
