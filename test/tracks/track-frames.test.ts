import { describe, expect, it } from 'vitest';
import { classicalExtractor } from '../../src/evaluation/classical-descriptors.js';
import type { Clip } from '../../src/media/clip.js';
import { RunFrames } from '../../src/media/run-frames.js';
import { type Corners, isConvex, PlaneTracker } from '../../src/tracks/plane-tracker.js';
import { PointTracker } from '../../src/tracks/point-tracker.js';
import { type PointsOfFrame, trackFrames } from '../../src/tracks/track-frames.js';
import { collect } from '../helpers/collect.js';
import { drawScene, type Scene } from '../helpers/textured-clip.js';

/** How the square of a scene lies in a frame. */
type Motion = (frame: number) => {
	readonly x: number;
	readonly y: number;
	readonly angle: number;
	readonly scale: number;
};

const turning: Motion = (frame) => ({
	...{ x: 74 + 1.37 * frame, y: 60 + 0.41 * frame },
	...{ angle: 0.02 * frame, scale: 1 + 0.006 * frame },
});

/** A square of 80 pixels that moves, and a bar of `barWidth` pixels that goes to the right in front of it. */
const sceneOf = (motion: Motion, barWidth: number): Scene => ({
	width: 160,
	height: 120,
	at: (frame, x, y) => {
		const bar = x - (20 + 12 * frame);
		if (bar >= 0 && bar < barWidth) {
			return { id: 2, u: bar, v: y };
		}
		const { x: cx, y: cy, angle, scale } = motion(frame);
		const [dx, dy] = [x - cx, y - cy];
		const u = (Math.cos(angle) * dx + Math.sin(angle) * dy) / scale;
		const v = (Math.cos(angle) * dy - Math.sin(angle) * dx) / scale;
		return Math.max(Math.abs(u), Math.abs(v)) < 40 ? { id: 1, u, v } : { id: 0, u: x, v: y };
	},
});

/** Where a point of the square is. */
const truth = (
	motion: Motion,
	[u, v]: readonly [number, number],
	frame: number,
): readonly [number, number] => {
	const { x, y, angle, scale } = motion(frame);
	return [
		x + scale * (Math.cos(angle) * u - Math.sin(angle) * v),
		y + scale * (Math.sin(angle) * u + Math.cos(angle) * v),
	];
};

const clipOf = (scene: Scene, count: number): Clip => ({
	...{ path: 'drawn', kind: 'images', files: [] },
	info: {
		...{ width: scene.width, height: scene.height, frameRate: 25 },
		...{ estimatedFrames: count, durationSeconds: count / 25, hasAudio: false },
	},
	async *frames({ start, end } = {}) {
		const first = start !== undefined && 'frame' in start ? start.frame : 0;
		const last = end !== undefined && 'frame' in end ? Math.min(end.frame, count) : count;
		for (let frame = first; frame < last; frame++) {
			yield { index: frame - first, timeSeconds: frame / 25, image: drawScene(scene, frame).image };
		}
	},
});

const trackPoints = (
	scene: Scene,
	count: number,
	at: number,
	points: readonly (readonly [number, number])[],
): Promise<PointsOfFrame[]> =>
	collect(
		trackFrames(
			new RunFrames(clipOf(scene, count), {}, true),
			at,
			classicalExtractor(),
			(first, size) => new PointTracker(points, size, first),
		),
	);

const distance = ({ x, y }: { x: number; y: number }, [tx, ty]: readonly [number, number]): number =>
	Math.hypot(x - tx, y - ty);

describe('points tracked through frames', { timeout: 240_000 }, () => {
	const places = [
		[0, 0],
		[-15, 10],
		[18, -12],
	] as const;

	it('are found to a tenth of a pixel on what turns, grows and drifts, both ways from the frame they were given in', async () => {
		const at = 3;
		const given = places.map((place) => truth(turning, place, at));
		const found = await trackPoints(sceneOf(turning, 0), 8, at, given);
		expect(found.map(({ frame }) => frame)).toEqual([3, 4, 5, 6, 7, 2, 1, 0]);
		for (const { frame, points } of found) {
			for (const [i, place] of places.entries()) {
				expect(points[i]?.visible, `point ${i} in frame ${frame}`).toBe(true);
				expect(distance(points[i]!, truth(turning, place, frame))).toBeLessThan(0.1);
			}
		}
	});

	it('stand exactly where they were given', async () => {
		const [first] = await trackPoints(sceneOf(turning, 0), 1, 0, [[70.25, 61.5]]);
		expect(first?.points).toEqual([{ x: 70.25, y: 61.5, visible: true, confidence: 1 }]);
	});

	it('are hidden behind what passes in front, and found again after it', async () => {
		const still: Motion = () => ({ x: 80, y: 60, angle: 0, scale: 1 });
		const scene = sceneOf(still, 24);
		const found = await trackPoints(scene, 9, 0, [[80, 60]]);
		// The bar covers columns 20 + 12 n to 43 + 12 n: the point in frames 4 and 5.
		const seen = found.map(({ points }) => points[0]?.visible);
		expect([seen[0], seen[1], seen[4], seen[7], seen[8]]).toEqual([true, true, false, true, true]);
		expect(distance(found[8]!.points[0]!, [80, 60])).toBeLessThan(0.1);
	});

	it('are not visible outside the frame', async () => {
		const leaving: Motion = (frame) => ({ x: 60 - 8 * frame, y: 60, angle: 0, scale: 1 });
		const found = await trackPoints(sceneOf(leaving, 0), 9, 0, [[40, 60]]);
		expect(found.slice(0, 4).every(({ points }) => points[0]?.visible)).toBe(true);
		expect(found[7]?.points[0]?.visible).toBe(false);
	});
});

describe('a plane tracked through frames', { timeout: 240_000 }, () => {
	const corners = [
		[-30, -30],
		[30, -30],
		[30, 30],
		[-30, 30],
	] as const;

	it('has its corners within a quarter of a pixel, both ways', async () => {
		const at = 2;
		const given = corners.map((corner) => truth(turning, corner, at)) as unknown as Corners;
		const frames = new RunFrames(clipOf(sceneOf(turning, 0), 6), {}, true);
		const found = await collect(
			trackFrames(frames, at, classicalExtractor(), (first, size) => new PlaneTracker(given, size, first)),
		);
		expect(found).toHaveLength(6);
		for (const { frame, points } of found) {
			for (const [i, corner] of corners.entries()) {
				expect(distance(points[i]!, truth(turning, corner, frame))).toBeLessThan(0.25);
				expect(points[i]?.visible).toBe(true);
			}
		}
	});

	it('is one only if its corners go clockwise without a dent', () => {
		const square: Corners = [
			[0, 0],
			[10, 0],
			[10, 10],
			[0, 10],
		];
		expect(isConvex(square)).toBe(true);
		expect(isConvex([...square].reverse() as unknown as Corners)).toBe(false);
		expect(isConvex([square[0], square[1], [2, 2], square[3]])).toBe(false);
	});
});
