import { Matrix, solve } from 'ml-matrix';
import type { Mesh } from './mesh.js';
import { type MeshEvidence, pointEquations } from './mesh-evidence.js';
import type { MeshPose } from './mesh-pose.js';
import {
	FIRST_PERSPECTIVE,
	type Motion,
	type MotionKind,
	parameterCount,
	parameterJacobian,
	stepMotion,
} from './motion-model.js';
import type { Alignment } from './patch-alignment.js';

/** Gauss-Newton steps on a level. */
export const STEPS = 4;
/** Beyond this step, in pixels of a level, linearisation means nothing. */
export const LONGEST_STEP = 3;
/** In pixels. */
const CONVERGED = 0.005;
/** Of a motion's parameters, as a share of what the images say about all of them on average. */
const DAMPING = 1e-5;
const PERSPECTIVE_PRIOR = 0.01;

/** Aligns the motion of the whole at one level of the images' pyramids (Gauss-Newton in its parameters). */
export const alignWhole = (
	evidence: MeshEvidence,
	kind: MotionKind,
	start: MeshPose,
	level: number,
): MeshPose => {
	const { extent } = evidence.mesh;
	let pose = start;
	for (let step = 0; step < STEPS; step++) {
		const change = stepOf(evidence.mesh, kind, pose.motion, pointEquations(evidence, pose, level));
		if (change === undefined) {
			break;
		}
		const longest = Math.max(...change.map((value) => Math.abs(value) * extent));
		const limit = LONGEST_STEP * 2 ** level;
		const share = longest > limit ? limit / longest : 1;
		const motion = stepMotion(
			pose.motion,
			change.map((value) => value * share),
		);
		pose = { ...pose, motion };
		if (longest < CONVERGED) {
			break;
		}
	}
	return pose;
};

/** The step in a motion's parameters that all points together ask for; undefined where they say nothing. */
const stepOf = (
	{ x, y, centre, extent }: Mesh,
	kind: MotionKind,
	motion: Motion,
	points: Pick<Alignment, 'normal' | 'right'>,
): number[] | undefined => {
	const count = parameterCount(kind);
	const normal = Matrix.zeros(count, count);
	const right = Matrix.zeros(count, 1);
	for (let i = 0; i < x.length; i++) {
		const xx = points.normal[i * 3]!;
		const xy = points.normal[i * 3 + 1]!;
		const yy = points.normal[i * 3 + 2]!;
		if (xx + yy === 0) {
			continue;
		}
		const [forX, forY] = parameterJacobian(
			kind,
			motion,
			(x[i]! - centre.x) / extent,
			(y[i]! - centre.y) / extent,
		);
		const [rx, ry] = [points.right[i * 2]!, points.right[i * 2 + 1]!];
		for (let a = 0; a < count; a++) {
			const [ax, ay] = [forX[a]! * extent, forY[a]! * extent];
			right.set(a, 0, right.get(a, 0) + ax * rx + ay * ry);
			for (let b = 0; b < count; b++) {
				const [bx, by] = [forX[b]! * extent, forY[b]! * extent];
				normal.set(a, b, normal.get(a, b) + ax * (xx * bx + xy * by) + ay * (xy * bx + yy * by));
			}
		}
	}
	let trace = 0;
	for (let a = 0; a < count; a++) {
		trace += normal.get(a, a);
	}
	if (trace === 0) {
		return undefined;
	}
	for (let a = 0; a < count; a++) {
		// Few or one-sided points leave parameters undetermined.
		normal.set(a, a, normal.get(a, a) + (DAMPING * trace) / count);
	}
	for (let a = FIRST_PERSPECTIVE; a < count; a++) {
		// Perspective most of all: on a small patch noise makes it up, so it has to be seen clearly.
		const prior = (PERSPECTIVE_PRIOR * trace) / count;
		normal.set(a, a, normal.get(a, a) + prior);
		right.set(a, 0, right.get(a, 0) - prior * motion[a]!);
	}
	return solve(normal, right).to1DArray();
};
