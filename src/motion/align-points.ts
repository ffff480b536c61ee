import { LONGEST_STEP, STEPS } from './align-whole.js';
import { type MeshEvidence, pointEquations } from './mesh-evidence.js';
import type { MeshPose } from './mesh-pose.js';
import type { Alignment } from './patch-alignment.js';

/** 1 / px²: how strongly neighbours keep together, and each point to where it was. Patches with texture weigh 100 to 1000. */
const TOGETHER = 40;
const CONTINUITY = 4;
/** Of Gauss-Seidel iteration. */
const SWEEPS = 40;

/**
 * Aligns each point's own offset at one level of the images' pyramids (Gauss-Newton), neighbours held together.
 *
 * @param last where the mesh was in the frame before
 */
export const alignPoints = (
	evidence: MeshEvidence,
	last: MeshPose,
	start: MeshPose,
	level: number,
): MeshPose => {
	const limit = LONGEST_STEP * 2 ** level;
	const clip = (value: number): number => Math.max(-limit, Math.min(limit, value));
	let pose = start;
	for (let step = 0; step < STEPS; step++) {
		const points = pointEquations(evidence, pose, level);
		const { x, y } = stepsOf(points, evidence.mesh.neighbours, last, pose);
		pose = {
			...pose,
			offsetX: pose.offsetX.map((value, i) => value + clip(x[i]!)),
			offsetY: pose.offsetY.map((value, i) => value + clip(y[i]!)),
		};
	}
	return pose;
};

/** Solves for the steps of all points. @param neighbours of each point */
const stepsOf = (
	{ normal, right }: Pick<Alignment, 'normal' | 'right'>,
	neighbours: readonly (readonly number[])[],
	last: MeshPose,
	{ offsetX, offsetY }: MeshPose,
): { readonly x: Float64Array; readonly y: Float64Array } => {
	const x = new Float64Array(offsetX.length);
	const y = new Float64Array(offsetX.length);
	for (let sweep = 0; sweep < SWEEPS; sweep++) {
		for (const [i, around] of neighbours.entries()) {
			const [ox, oy] = [offsetX[i]!, offsetY[i]!];
			let xx = normal[i * 3]! + CONTINUITY;
			let yy = normal[i * 3 + 2]! + CONTINUITY;
			const xy = normal[i * 3 + 1]!;
			let rx = right[i * 2]! + CONTINUITY * (last.offsetX[i]! - ox);
			let ry = right[i * 2 + 1]! + CONTINUITY * (last.offsetY[i]! - oy);
			for (const j of around) {
				xx += TOGETHER;
				yy += TOGETHER;
				rx += TOGETHER * (offsetX[j]! + x[j]! - ox);
				ry += TOGETHER * (offsetY[j]! + y[j]! - oy);
			}
			const determinant = xx * yy - xy * xy;
			x[i] = (yy * rx - xy * ry) / determinant;
			y[i] = (xx * ry - xy * rx) / determinant;
		}
	}
	return { x, y };
};
