/** A point in one frame. */
export type TrackedPoint = {
	/** In pixels of the frame as displayed; top-left origin, pixel centres at integers. Of a hidden point: where it is expected. */
	readonly x: number;
	readonly y: number;
	/** It is in the frame, and nothing is in front of it. */
	readonly visible: boolean;
	/** 0..1: how sure it is that this is the point, and in sight. */
	readonly confidence: number;
};

/** x, y in pixels of an image as displayed; top-left origin, pixel centres at integers. */
export type Point = readonly [x: number, y: number];
