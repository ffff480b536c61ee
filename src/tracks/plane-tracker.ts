import type { Point, TrackedPoint } from '../core/point.js';
import type { Size } from '../core/size.js';
import { type Mesh, meshOf } from '../motion/mesh.js';
import { MeshTracker, type TrackedMesh } from '../motion/mesh-tracker.js';
import { applyMotion, fitPlane, fitRobustly, type Motion } from '../motion/motion-model.js';
import { PointTracker } from './point-tracker.js';
import type { SeenFrame, Tracker } from './track-frames.js';

/** Top left, top right, bottom right, bottom left. */
export type Corners = readonly [Point, Point, Point, Point];

/** With less of the plane looking as it did, it is hidden. */
const LEAST_CORRELATION = 0.4;

/** Points that are followed on a plane, about. */
const POINTS = 64;
/** Distance from the plane, in pixels, at which a point hardly counts any more. */
const TOLERANCE = 2;
/** With less of them in sight, they say nothing. */
const LEAST_SEEN = 0.2;

/**
 * Follows a plane by what is seen between its four corners: the motion of `--edit-mode planar`, which is told besides where points on
 * the plane have gone.
 */
export class PlaneTracker implements Tracker {
	readonly #corners: Corners;
	readonly #mesh: Mesh;
	readonly #tracker: MeshTracker;
	readonly #given: readonly Point[];
	readonly #points: PointTracker;
	#state: TrackedMesh;

	/** @param corners in pixels of the first frame; they may lie outside it */
	constructor(corners: Corners, { width, height }: Size, first: SeenFrame) {
		this.#corners = corners;
		const inside = insideOf(corners, { width, height });
		this.#mesh = meshOf({ support: inside, evidence: inside }, width, height);
		const area = { width, height, data: inside };
		this.#tracker = new MeshTracker({ mesh: this.#mesh, area, object: undefined }, 'planar', {
			...first,
			mask: undefined,
		});
		this.#state = this.#tracker.state;
		this.#given = pointsIn(inside, { width, height });
		this.#points = new PointTracker(this.#given, { width, height }, first);
	}

	get points(): TrackedPoint[] {
		const { centre, extent, evidence } = this.#mesh;
		const { motion, correlation } = this.#state;
		let [sum, total] = [0, 0];
		for (const [i, value] of correlation.entries()) {
			sum += evidence[i]! * Math.max(0, value);
			total += evidence[i]!;
		}
		const confidence = total === 0 ? 0 : sum / total;
		return this.#corners.map(([x, y]) => {
			const to = applyMotion(motion, (x - centre.x) / extent, (y - centre.y) / extent);
			const visible = confidence >= LEAST_CORRELATION;
			return { x: to.x * extent + centre.x, y: to.y * extent + centre.y, visible, confidence };
		});
	}

	advance(frame: SeenFrame): void {
		this.#points.advance(frame);
		this.#state = this.#tracker.advance({ ...frame, mask: undefined }, this.#guess());
	}

	/** The motion of the points that are in sight, in the mesh's units; undefined where there are too few. */
	#guess(): Motion | undefined {
		const { centre, extent } = this.#mesh;
		const places = this.#points.points;
		const across = (values: readonly number[]): Float64Array =>
			Float64Array.from(values, (value) => (value - centre.x) / extent);
		const down = (values: readonly number[]): Float64Array =>
			Float64Array.from(values, (value) => (value - centre.y) / extent);
		const matches = {
			fromX: across(this.#given.map(([x]) => x)),
			fromY: down(this.#given.map(([, y]) => y)),
			toX: across(places.map(({ x }) => x)),
			toY: down(places.map(({ y }) => y)),
			weight: Float64Array.from(places, ({ visible, confidence }) => (visible ? confidence : 0)),
		};
		if (matches.weight.filter((weight) => weight > 0).length < Math.max(6, LEAST_SEEN * places.length)) {
			return undefined;
		}
		const tolerance = TOLERANCE / extent;
		const { motion } = this.#state;
		return fitPlane(matches, tolerance, fitRobustly(matches, 3 * tolerance, motion), motion);
	}
}

/** Pixels on a regular grid within an area. */
const pointsIn = (inside: Uint8Array, { width, height }: Size): Point[] => {
	const area = inside.reduce((sum, one) => sum + one, 0);
	const spacing = Math.max(3, Math.sqrt(area / POINTS));
	const points: Point[] = [];
	for (let y = spacing / 2; y < height; y += spacing) {
		for (let x = spacing / 2; x < width; x += spacing) {
			if (inside[Math.round(y) * width + Math.round(x)] === 1) {
				points.push([x, y]);
			}
		}
	}
	return points;
};

/** Twice the area between three points, positive where they go clockwise (y points down). */
const turn = ([ax, ay]: Point, [bx, by]: Point, [cx, cy]: Point): number =>
	(bx - ax) * (cy - ay) - (by - ay) * (cx - ax);

/** Whether corners go clockwise around a convex area. */
export const isConvex = (corners: Corners): boolean =>
	corners.every((corner, i) => turn(corner, corners[(i + 1) % 4]!, corners[(i + 2) % 4]!) > 0);

/** [height * width] 1 for pixels within a convex area. */
const insideOf = (corners: Corners, { width, height }: Size): Uint8Array =>
	Uint8Array.from({ length: width * height }, (_, pixel) => {
		const at: Point = [pixel % width, Math.floor(pixel / width)];
		return corners.every((corner, i) => turn(corner, corners[(i + 1) % 4]!, at) >= 0) ? 1 : 0;
	});
