import type { Size } from '../core/size.js';
import type { TrackedPoint } from '../core/tracked-point.js';
import { meshOf } from '../edits/edit-mesh.js';
import { MeshTracker, type TrackedMesh } from '../edits/mesh-tracker.js';
import { applyMotion } from '../edits/motion-model.js';
import type { Point } from '../matching/point.js';
import type { SeenFrame, Tracker } from './track-frames.js';

/** Top left, top right, bottom right, bottom left. */
export type Corners = readonly [Point, Point, Point, Point];

/** With less of the plane looking as it did, it is hidden. */
const LEAST_CORRELATION = 0.4;

/** Follows a plane by what is seen between its four corners: the motion of `--edit-mode planar`. */
export class PlaneTracker implements Tracker {
	readonly #corners: Corners;
	readonly #mesh: ReturnType<typeof meshOf>;
	readonly #tracker: MeshTracker;
	#state: TrackedMesh;

	/** @param corners in pixels of the first frame; they may lie outside it */
	constructor(corners: Corners, { width, height }: Size, first: SeenFrame) {
		this.#corners = corners;
		const inside = insideOf(corners, { width, height });
		this.#mesh = meshOf({ object: undefined, support: inside, evidence: inside }, width, height);
		const evidence = { width, height, data: inside };
		this.#tracker = new MeshTracker(this.#mesh, 'planar', evidence, { ...first, mask: undefined }, undefined);
		this.#state = this.#tracker.state;
	}

	get points(): TrackedPoint[] {
		const { centre, extent, evidence } = this.#mesh;
		const { motion, correlation } = this.#state;
		let [sum, total] = [0, 0];
		for (const [i, value] of correlation.entries()) {
			sum += (evidence[i] as number) * Math.max(0, value);
			total += evidence[i] as number;
		}
		const confidence = total === 0 ? 0 : sum / total;
		return this.#corners.map(([x, y]) => {
			const to = applyMotion(motion, (x - centre.x) / extent, (y - centre.y) / extent);
			const visible = confidence >= LEAST_CORRELATION;
			return { x: to.x * extent + centre.x, y: to.y * extent + centre.y, visible, confidence };
		});
	}

	advance(frame: SeenFrame): void {
		this.#state = this.#tracker.advance({ ...frame, mask: undefined });
	}
}

/** Twice the area between three points, positive where they go clockwise (y points down). */
const turn = ([ax, ay]: Point, [bx, by]: Point, [cx, cy]: Point): number =>
	(bx - ax) * (cy - ay) - (by - ay) * (cx - ax);

/** Whether corners go clockwise around a convex area. */
export const isConvex = (corners: Corners): boolean =>
	corners.every(
		(corner, i) => turn(corner, corners[(i + 1) % 4] as Point, corners[(i + 2) % 4] as Point) > 0,
	);

/** [height * width] 1 for pixels within a convex area. */
const insideOf = (corners: Corners, { width, height }: Size): Uint8Array =>
	Uint8Array.from({ length: width * height }, (_, pixel) => {
		const at: Point = [pixel % width, Math.floor(pixel / width)];
		return corners.every((corner, i) => turn(corner, corners[(i + 1) % 4] as Point, at) >= 0) ? 1 : 0;
	});
