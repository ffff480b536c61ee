import type { Mesh } from './mesh.js';
import { applyMotion, identityMotion, linearPart, type Motion } from './motion-model.js';

/** Where a mesh is in a frame: the motion of the whole, and what each point does beyond it. */
export type MeshPose = {
	/** In the mesh's units (see {@link Mesh.centre}). */
	readonly motion: Motion;
	/** [points] in pixels; zeros where the mesh moves rigidly. */
	readonly offsetX: Float64Array;
	readonly offsetY: Float64Array;
};

/** Where every point of a mesh is in one image, and how its surroundings are turned and stretched there. */
export type Placement = {
	/** [points] in pixels. */
	readonly x: Float64Array;
	readonly y: Float64Array;
	/** [points * 4] dX/dx, dX/dy, dY/dx, dY/dy with respect to the first frame. */
	readonly linear: Float64Array;
};

/** As in the first frame. */
export const firstPose = ({ x: { length: points } }: Mesh): MeshPose => ({
	motion: identityMotion(),
	offsetX: new Float64Array(points),
	offsetY: new Float64Array(points),
});

export const placeMesh = (
	{ x, y, centre, extent }: Mesh,
	{ motion, offsetX, offsetY }: MeshPose,
): Placement => {
	const points = x.length;
	const place = {
		x: new Float64Array(points),
		y: new Float64Array(points),
		linear: new Float64Array(points * 4),
	};
	for (let i = 0; i < points; i++) {
		const [ux, uy] = [(x[i]! - centre.x) / extent, (y[i]! - centre.y) / extent];
		const to = applyMotion(motion, ux, uy);
		place.x[i] = to.x * extent + centre.x + offsetX[i]!;
		place.y[i] = to.y * extent + centre.y + offsetY[i]!;
		place.linear.set(linearPart(motion, ux, uy), i * 4);
	}
	return place;
};
