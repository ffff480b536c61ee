import type { DescriptorExtractor } from '../core/extractor.js';
import type { Frame } from '../core/frame.js';
import { unitDescriptors } from '../edits/descriptor-tracks.js';
import { lumaPyramid } from '../edits/luma-pyramid.js';
import type { Point } from '../matching/point.js';
import type { RunFrames } from '../media/run-frames.js';
import { PointTracker, PYRAMID_LEVELS, type SeenFrame, type TrackedPoint } from './point-tracker.js';

/** Where points are in one frame. */
export type PointsOfFrame = {
	/** Among the frames of the run, from 0. */
	readonly frame: number;
	/** From the start of the clip. */
	readonly timeSeconds: number;
	/** As many as were given, in their order. */
	readonly points: readonly TrackedPoint[];
};

/**
 * Follows points through frames, both ways from the one in which they are given: first that frame and those after it, then
 * those before it, the nearest first.
 *
 * @param points in pixels of frame `at`
 */
export async function* trackFrames(
	frames: RunFrames,
	at: number,
	points: readonly Point[],
	extractor: DescriptorExtractor,
): AsyncGenerator<PointsOfFrame, void, void> {
	const seen = async ({ image }: Frame): Promise<SeenFrame> => ({
		pyramid: lumaPyramid(image, PYRAMID_LEVELS),
		descriptors: unitDescriptors(await extractor.extract(image)),
	});
	let first: SeenFrame | undefined;
	const follow = async function* (way: AsyncIterable<Frame>): AsyncGenerator<PointsOfFrame, void, void> {
		let tracker: PointTracker | undefined;
		for await (const frame of way) {
			const { index, timeSeconds, image } = frame;
			if (tracker === undefined) {
				const isKnown = first !== undefined;
				first ??= await seen(frame);
				tracker = new PointTracker(points, image, first);
				if (!isKnown) {
					yield { frame: index, timeSeconds, points: tracker.points };
				}
			} else {
				yield { frame: index, timeSeconds, points: tracker.advance(await seen(frame)) };
			}
		}
	};
	yield* follow(frames.between(at));
	if (at > 0) {
		yield* follow(frames.backwards(at, 0));
	}
}
