import type { LabelMap } from '../core/frame.js';
import type { Size } from '../core/size.js';
import type { Found } from './descriptor-tracks.js';
import type { LumaPyramid } from './luma-pyramid.js';
import type { Mesh } from './mesh.js';
import { type MeshPose, type Placement, placeMesh } from './mesh-pose.js';
import { type Alignment, alignPatches } from './patch-alignment.js';

/** What is followed. */
export type FollowedMesh = {
	readonly mesh: Mesh;
	/** [height * width of the first frame] 1 for pixels that take part. */
	readonly area: Size & { readonly data: Uint8Array };
	/** The object that it lies on; undefined when no mask says. */
	readonly object: number | undefined;
};

/** A frame in which it is known where the mesh is. */
export type KnownFrame = { readonly pyramid: LumaPyramid; readonly place: Placement };

/** All that says where a mesh is in a frame. */
export type MeshEvidence = FollowedMesh & {
	/** Nothing drifts that is aligned with the first frame. */
	readonly first: KnownFrame;
	/** The frame before, which holds where the first no longer looks the same. */
	readonly previous: KnownFrame;
	/** [points] 0..1: whether each point was in sight in the frame before. */
	readonly seen: Float64Array;
	readonly frame: { readonly pyramid: LumaPyramid; readonly mask: LabelMap | undefined };
	/** Where descriptors find the points. */
	readonly found: Found;
	/** Size of a descriptor's cell in pixels. */
	readonly cell: number;
};

/** A point found by descriptors is worth about half a cell. */
const DESCRIPTOR_SIGMA_CELLS = 0.5;

/** Whatever the carried masks do not show as the object is in front of it, or it has gone from there. Undefined without masks. */
const coverOf = (
	{ mask }: MeshEvidence['frame'],
	object: number | undefined,
): ((x: number, y: number) => boolean) | undefined =>
	mask &&
	((x, y) =>
		x >= 0 && y >= 0 && x < mask.width && y < mask.height && mask.ids[y * mask.width + x] !== object);

/** So much of a mesh must be in sight for its likeness to count in full. */
const LEAST_IN_SIGHT = 0.3;

/**
 * How well a frame looks like the known ones where the mesh is and nothing is in front of it: -1..1 each. What is hidden
 * does not count against a pose: else one that squeezes all of the mesh into what is in sight would be the better one.
 */
export const likeness = (
	evidence: MeshEvidence,
	pose: MeshPose,
	level: number,
): { readonly toFirst: number; readonly toPrevious: number } => {
	const { withFirst, withPrevious } = compareFrames(evidence, pose, level);
	const weights = weightsInSight(evidence, pose);
	const least = LEAST_IN_SIGHT * sumOf(evidence.mesh.evidence);
	const total = Math.max(sumOf(weights), least, 1e-9);
	const meanOf = ({ correlation }: Alignment): number =>
		sumOf(weights.map((weight, i) => weight * correlation[i]!)) / total;
	return { toFirst: meanOf(withFirst), toPrevious: meanOf(withPrevious) };
};

/** Whether so little of a mesh is in sight that nothing can be told from it; without masks all of it is taken to be. */
export const isCovered = (evidence: MeshEvidence, pose: MeshPose): boolean =>
	sumOf(weightsInSight(evidence, pose)) < LEAST_IN_SIGHT * sumOf(evidence.mesh.evidence);

/** [points] of the mesh's evidence, what nothing is in front of. */
const weightsInSight = ({ mesh, frame, object }: MeshEvidence, pose: MeshPose): Float64Array => {
	const covered = coverOf(frame, object);
	const place = placeMesh(mesh, pose);
	return mesh.evidence.map((own, i) =>
		covered?.(Math.round(place.x[i]!), Math.round(place.y[i]!)) === true ? 0 : own,
	);
};

const sumOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0);

/** Compares the frame, at a level of its pyramid, with both known ones. */
export const compareFrames = (
	{ mesh, area, object, first, previous, frame }: MeshEvidence,
	pose: MeshPose,
	level: number,
): { readonly withFirst: Alignment; readonly withPrevious: Alignment } => {
	const place = placeMesh(mesh, pose);
	const covered = coverOf(frame, object);
	const compare = ({ pyramid, place: from }: KnownFrame): Alignment =>
		alignPatches(mesh, area, pyramid[level]!, from, frame.pyramid[level]!, place, level, covered);
	return { withFirst: compare(first), withPrevious: compare(previous) };
};

/** How each point should move, by all that is known: normal equations, as in {@link Alignment}. */
export const pointEquations = (
	evidence: MeshEvidence,
	pose: MeshPose,
	level: number,
): Pick<Alignment, 'normal' | 'right'> => {
	const { mesh, seen, found, cell } = evidence;
	const { withFirst, withPrevious } = compareFrames(evidence, pose, level);
	const place = placeMesh(mesh, pose);
	const normal = new Float64Array(withFirst.normal.length);
	const right = new Float64Array(withFirst.right.length);
	const sigma = DESCRIPTOR_SIGMA_CELLS * cell;
	for (let i = 0; i < mesh.x.length; i++) {
		const own = mesh.evidence[i]!;
		// Where the first frame is still recognised it decides; the frame before only helps where it is not, and not
		// where something was in front: that would be followed instead.
		const lost = 1 - Math.max(0, withFirst.correlation[i]!);
		const help = own * (0.02 + lost * lost) * seen[i]!;
		for (let k = 0; k < 3; k++) {
			normal[i * 3 + k] = own * withFirst.normal[i * 3 + k]! + help * withPrevious.normal[i * 3 + k]!;
		}
		const dx = found.x[i]! - place.x[i]!;
		const dy = found.y[i]! - place.y[i]!;
		const pull = found.weight[i]! / (sigma * sigma) / (1 + (dx * dx + dy * dy) / (cell * cell)) ** 2;
		normal[i * 3]! += pull;
		normal[i * 3 + 2]! += pull;
		right[i * 2] = own * withFirst.right[i * 2]! + help * withPrevious.right[i * 2]! + pull * dx;
		right[i * 2 + 1] = own * withFirst.right[i * 2 + 1]! + help * withPrevious.right[i * 2 + 1]! + pull * dy;
	}
	return { normal, right };
};
