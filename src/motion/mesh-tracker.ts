import type { LabelMap } from '../core/frame.js';
import type { CellDescriptors } from '../matching/cell-descriptors.js';
import { alignPoints } from './align-points.js';
import { alignWhole } from './align-whole.js';
import { DescriptorTracks, type Found } from './descriptor-tracks.js';
import type { LumaPyramid } from './luma-pyramid.js';
import type { Mesh } from './mesh.js';
import {
	compareFrames,
	type FollowedMesh,
	isCovered,
	type KnownFrame,
	likeness,
	type MeshEvidence,
} from './mesh-evidence.js';
import { firstPose, type MeshPose, placeMesh } from './mesh-pose.js';
import {
	applyMotion,
	fitRobustly,
	identityMotion,
	type Motion,
	stepMotion,
	thenAffine,
} from './motion-model.js';

/** Where a mesh is in one frame, and how surely. */
export type TrackedMesh = MeshPose & {
	/** [points] -1..1: how well the frame looks like the first one around each point. */
	readonly correlation: Float64Array;
};

/** One frame as the tracker wants it. */
export type TrackedFrame = {
	readonly pyramid: LumaPyramid;
	/** Of length 1. */
	readonly descriptors: CellDescriptors;
	/** The masks that were carried to the frame, if there are any. */
	readonly mask: LabelMap | undefined;
};

/** How a mesh may move: with every bend, as a plane, or affinely. */
export type MeshMotion = 'dense' | 'planar' | 'affine';

/** With less than this share of its points in sight, a piece is lost. */
const LOST = 0.35;
/** How fast the velocity follows the movement from frame to frame. */
const VELOCITY_ADAPTATION = 0.3;
/** Descriptors see farther than patches: the old place must look so much better to be kept. */
const CLEARLY_BETTER = 0.05;
/** Where a frame looks no more like the first one than this, it is seen whether another place does. */
const DOUBTFUL = 0.5;
/** A place anywhere in the frame may look alike by chance, aligned as well as it can be. */
const SURELY_BETTER = 0.2;

/**
 * Follows a mesh through a clip. Descriptors say where everything has gone, even after fast motion, occlusion or a
 * change of light; between cells, the images themselves are aligned, with the first frame, so that nothing drifts, and
 * with the frame before, which holds where the first no longer looks the same. A robust motion of the whole comes
 * first; in dense mode each point then adds its own, held together by its neighbours.
 */
export class MeshTracker {
	readonly #followed: FollowedMesh;
	readonly #how: MeshMotion;
	readonly #first: KnownFrame;
	readonly #tracks: DescriptorTracks;
	#previous: TrackedFrame;
	#state: TrackedMesh;
	/** [points] 0..1: whether each point was in sight in the frame before. */
	#seen: Float64Array;
	/** Movement of the whole in the frames before, in the mesh's units a frame. */
	#velocity = { x: 0, y: 0 };

	constructor(followed: FollowedMesh, how: MeshMotion, first: TrackedFrame) {
		const { mesh, area } = followed;
		const ones = (): Float64Array => new Float64Array(mesh.x.length).fill(1);
		this.#followed = followed;
		this.#how = how;
		this.#previous = first;
		this.#state = { ...firstPose(mesh), correlation: ones() };
		this.#seen = ones();
		this.#first = { pyramid: first.pyramid, place: placeMesh(mesh, this.#state) };
		this.#tracks = new DescriptorTracks(mesh, area, first.descriptors);
	}

	get state(): TrackedMesh {
		return this.#state;
	}

	/**
	 * Moves on to the next frame.
	 *
	 * @param guess a motion of the whole that something else has found
	 */
	advance(frame: TrackedFrame, guess?: Motion): TrackedMesh {
		const { mesh } = this.#followed;
		const last = this.#state;
		const expected = { ...last, motion: this.#expectedMotion() };
		let evidence = this.#evidenceOf(frame, expected);
		const goingOn = { ...last, motion: this.#goingOn() };
		const isHidden = isCovered(evidence, goingOn);
		const start = isHidden ? goingOn : startOf(evidence, [expected, goingOn]);
		let pose = isHidden ? start : this.#alignedWhole(evidence, start, coarsestOf(frame));
		let alike = likenessOf(evidence, pose);
		for (const near of guess === undefined ? [start] : [start, { ...expected, motion: guess }]) {
			if (likenessOf(evidence, near) > alike) {
				// What is nearly right already is spoilt on coarse levels, which see little of a small piece, or of one that is half hidden.
				pose = this.#alignedWhole(evidence, near, fineLevelOf(frame));
				alike = likenessOf(evidence, pose);
			}
		}
		const isDoubtful = this.#isLost || alike < DOUBTFUL;
		const again = isDoubtful ? this.#foundAgain(frame, evidence, pose) : undefined;
		if (again !== undefined) {
			evidence = this.#evidenceOf(frame, again);
			pose = again;
		}
		if (this.#how === 'dense' && (again !== undefined || !isHidden)) {
			for (let level = fineLevelOf(frame); level >= 0; level--) {
				pose = alignPoints(evidence, last, pose, level);
			}
		}
		const { correlation } = compareFrames(evidence, pose, 0).withFirst;
		this.#previous = frame;
		this.#state = { ...pose, correlation };
		this.#seen = this.#tracks.recognise(frame.descriptors, placeMesh(mesh, pose));
		this.#followVelocity(last.motion);
		return this.#state;
	}

	/** While too little is in sight, the whole is taken to go on as it did; else the search begins where it was. */
	#expectedMotion(): Motion {
		return this.#isLost ? this.#goingOn() : this.#state.motion;
	}

	/** As it moved in the frames before. */
	#goingOn(): Motion {
		const { x, y } = this.#velocity;
		return stepMotion(this.#state.motion, [0, 0, x, 0, 0, y]);
	}

	#evidenceOf(frame: TrackedFrame, expected: MeshPose): MeshEvidence {
		const { mesh } = this.#followed;
		const { pyramid, descriptors } = this.#previous;
		const place = placeMesh(mesh, this.#state);
		const seen = this.#seen;
		const found = this.#tracks.find(
			frame.descriptors,
			{ descriptors, x: place.x, y: place.y, seen },
			placeMesh(mesh, expected),
		);
		const cell = this.#tracks.cellSize(frame.descriptors);
		return {
			...{ ...this.#followed, frame, found, cell, seen },
			...{ first: this.#first, previous: { pyramid, place } },
		};
	}

	/** Where a lost mesh is seen again, wherever that is in the frame; undefined where that looks no better than the place it is expected at. */
	#foundAgain(frame: TrackedFrame, evidence: MeshEvidence, expected: MeshPose): MeshPose | undefined {
		const { mesh, cell } = evidence;
		const found = this.#tracks.findAnywhere(frame.descriptors);
		const motion = motionOfFound({ mesh, found, cell }, firstPose(mesh));
		const pose = this.#alignedWhole(evidence, { ...expected, motion }, fineLevelOf(frame));
		return likenessOf(evidence, pose) > likenessOf(evidence, expected) + SURELY_BETTER ? pose : undefined;
	}

	#alignedWhole(evidence: MeshEvidence, start: MeshPose, coarsest: number): MeshPose {
		const kind = this.#how === 'planar' ? 'planar' : 'affine';
		let pose = start;
		for (let level = coarsest; level >= 0; level--) {
			pose = alignWhole(evidence, kind, pose, level);
		}
		return pose;
	}

	#followVelocity(last: Motion): void {
		if (!this.#isLost) {
			const { motion } = this.#state;
			const { x, y } = this.#velocity;
			this.#velocity = {
				x: x + VELOCITY_ADAPTATION * (motion[2]! - last[2]! - x),
				y: y + VELOCITY_ADAPTATION * (motion[5]! - last[5]! - y),
			};
		}
	}

	get #isLost(): boolean {
		return meanOf(this.#seen, this.#followed.mesh.evidence) < LOST;
	}
}

const coarsestOf = ({ pyramid }: Pick<TrackedFrame, 'pyramid'>): number => pyramid.length - 1;
/** Fine enough for what is nearly in place. */
const fineLevelOf = (frame: Pick<TrackedFrame, 'pyramid'>): number => Math.min(1, coarsestOf(frame));

/** How well a frame looks like the first one where the mesh is in sight. */
const likenessOf = (evidence: MeshEvidence, pose: MeshPose): number => likeness(evidence, pose, 0).toFirst;

/**
 * Where descriptors put the whole, or where it is expected: whichever looks more like the frames that are known.
 *
 * @param expected poses, at least one; descriptors are put beside the first
 */
const startOf = (evidence: MeshEvidence, expected: readonly [MeshPose, ...MeshPose[]]): MeshPose => {
	const level = fineLevelOf(evidence.frame);
	const scoreOf = (pose: MeshPose): number => {
		const { toFirst, toPrevious } = likeness(evidence, pose, level);
		return toFirst + toPrevious;
	};
	const [first] = expected;
	const moved = { ...first, motion: motionOfFound(evidence, first) };
	let [best, most] = [moved as MeshPose, scoreOf(moved) + CLEARLY_BETTER];
	for (const pose of expected) {
		const score = scoreOf(pose);
		if (score > most) {
			[best, most] = [pose, score];
		}
	}
	return best;
};

/** The motion of the whole that descriptors tell of. */
const motionOfFound = (
	{ mesh, found, cell }: { readonly mesh: Mesh; readonly found: Found; readonly cell: number },
	{ motion, offsetX, offsetY }: MeshPose,
): Motion => {
	const { centre, extent } = mesh;
	const unit = (value: number, middle: number): number => (value - middle) / extent;
	const moved = [...mesh.x].map((x, i) => applyMotion(motion, unit(x, centre.x), unit(mesh.y[i]!, centre.y)));
	// Matches of whole cells would make up perspective, on a patch of a few cells most of all: that is left to the images.
	const correction = fitRobustly(
		{
			fromX: Float64Array.from(moved, ({ x }) => x),
			fromY: Float64Array.from(moved, ({ y }) => y),
			toX: found.x.map((x, i) => unit(x - offsetX[i]!, centre.x)),
			toY: found.y.map((y, i) => unit(y - offsetY[i]!, centre.y)),
			weight: found.weight,
		},
		cell / extent,
		identityMotion(),
	);
	return thenAffine(motion, correction);
};

const meanOf = (values: Float64Array, weights: Float64Array): number => {
	let [sum, total] = [0, 1e-9];
	for (let i = 0; i < values.length; i++) {
		sum += weights[i]! * values[i]!;
		total += weights[i]!;
	}
	return sum / total;
};
