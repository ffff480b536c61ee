import { Matrix, solve } from 'ml-matrix';
import type { LabelMap } from '../core/frame.js';
import type { CellDescriptors } from '../matching/cell-descriptors.js';
import { DescriptorTracks, type Found } from './descriptor-tracks.js';
import type { EditMesh } from './edit-mesh.js';
import type { LumaPlane, LumaPyramid } from './luma-pyramid.js';
import {
	applyMotion,
	FIRST_PERSPECTIVE,
	fitRobustly,
	identityMotion,
	linearPart,
	type Motion,
	type MotionKind,
	parameterCount,
	parameterJacobian,
	stepMotion,
	thenAffine,
} from './motion-model.js';
import { type Alignment, alignPatches, type Placement } from './patch-alignment.js';

/** Where a mesh is in one frame. */
export type TrackedMesh = {
	/** The motion of the whole, in the mesh's units (see {@link EditMesh.centre}). */
	readonly motion: Motion;
	/** [points] what each point does beyond it, in pixels; zeros for rigid edits. */
	readonly offsetX: Float64Array;
	readonly offsetY: Float64Array;
	/** [points] -1..1: how well the frame looks like the first one around each point. */
	readonly correlation: Float64Array;
};

/** One frame as the tracker wants it. */
export type TrackedFrame = {
	readonly pyramid: LumaPyramid;
	readonly descriptors: CellDescriptors;
	/** The masks that were carried to the frame, if there are any. */
	readonly mask: LabelMap | undefined;
};

export type EditMode = 'dense' | 'planar' | 'affine';

const STEPS = 4;
/** 1 / px²: how strongly neighbours keep together, and each point to where it was. Patches with texture weigh 100 to 1000. */
const TOGETHER = 40;
const CONTINUITY = 4;
/** A point found by descriptors is worth about half a cell. */
const DESCRIPTOR_SIGMA_CELLS = 0.5;
const SWEEPS = 40;
/** With less than this share of its points in sight, a piece is lost. */
const LOST = 0.35;
/** Beyond this step, in pixels of a level, linearisation means nothing. */
const LONGEST_STEP = 3;
/** Of a motion's parameters, as a share of what the images say about all of them on average. */
const DAMPING = 1e-5;
const PERSPECTIVE_PRIOR = 0.01;

/**
 * Follows a mesh through a clip. Descriptors say where everything has gone, even after fast motion, occlusion or a
 * change of light; between cells, the images themselves are aligned, with the first frame, so that nothing drifts, and
 * with the frame before, which holds where the first no longer looks the same. A robust motion of the whole comes
 * first; in dense mode each point then adds its own, held together by its neighbours.
 */
export class MeshTracker {
	readonly #mesh: EditMesh;
	readonly #mode: EditMode;
	readonly #kind: MotionKind;
	readonly #evidence: { readonly width: number; readonly height: number; readonly data: Uint8Array };
	readonly #first: TrackedFrame;
	readonly #object: number | undefined;
	readonly #origin: Placement;
	readonly #tracks: DescriptorTracks;
	readonly #neighbours: readonly (readonly number[])[];
	#previous: TrackedFrame;
	#state: TrackedMesh;
	/** [points] 0..1: whether each point was in sight in the frame before. */
	#seen: Float64Array;
	/** Movement of the whole in the frames before, in the mesh's units a frame. */
	#velocity = { x: 0, y: 0 };

	constructor(
		mesh: EditMesh,
		mode: EditMode,
		evidence: { readonly width: number; readonly height: number; readonly data: Uint8Array },
		first: TrackedFrame,
		object: number | undefined,
	) {
		this.#mesh = mesh;
		this.#object = object;
		this.#mode = mode;
		this.#kind = mode === 'planar' ? 'planar' : 'affine';
		this.#evidence = evidence;
		this.#first = first;
		this.#previous = first;
		const points = mesh.x.length;
		this.#state = {
			motion: identityMotion(),
			offsetX: new Float64Array(points),
			offsetY: new Float64Array(points),
			correlation: new Float64Array(points).fill(1),
		};
		this.#seen = new Float64Array(points).fill(1);
		this.#origin = placeMesh(mesh, this.#state);
		this.#tracks = new DescriptorTracks(mesh, evidence, first.descriptors);
		const neighbours: number[][] = Array.from({ length: points }, () => []);
		for (const [a, b] of mesh.links) {
			neighbours[a]?.push(b);
			neighbours[b]?.push(a);
		}
		this.#neighbours = neighbours;
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
		const before = placeMesh(this.#mesh, this.#state);
		const last = this.#state.motion;
		this.#state = { ...this.#state, motion: this.#predicted() };
		const found = this.#tracks.find(
			frame.descriptors,
			{ descriptors: this.#previous.descriptors, x: before.x, y: before.y, seen: this.#seen },
			placeMesh(this.#mesh, this.#state),
		);
		const cell = this.#tracks.cellSize(frame.descriptors);
		const alignedFrom = (start: TrackedMesh, coarsest: number): TrackedMesh => {
			let aligned = start;
			for (let level = coarsest; level >= 0; level--) {
				aligned = this.#alignWhole(frame, before, found, cell, aligned, level);
			}
			return aligned;
		};
		const alike = (one: TrackedMesh): number =>
			meanOf(this.#compare(frame, before, one, 0).anchored.correlation, this.#mesh.evidence);
		const coarsest = frame.pyramid.length - 1;
		let state = alignedFrom(this.#bestStart(frame, before, found, cell), coarsest);
		const guessed = guess && { ...this.#state, motion: guess };
		if (guessed !== undefined && alike(guessed) > alike(state)) {
			// What is nearly right already would be spoilt on coarse levels, which see little of a small piece.
			state = alignedFrom(guessed, Math.min(1, coarsest));
		}
		if (this.#mode === 'dense') {
			for (let level = Math.min(1, frame.pyramid.length - 1); level >= 0; level--) {
				state = this.#alignPoints(frame, before, found, cell, state, level);
			}
		}
		const { correlation } = this.#compare(frame, before, state, 0).anchored;
		this.#previous = frame;
		this.#state = { ...state, correlation };
		this.#seen = this.#tracks.recognise(frame.descriptors, placeMesh(this.#mesh, state));
		this.#followVelocity(last);
		return this.#state;
	}

	/** While too little is in sight, the whole is taken to go on as it did; else the search begins where it was. */
	#predicted(): Motion {
		const { motion } = this.#state;
		return meanOf(this.#seen, this.#mesh.evidence) < LOST
			? stepMotion(motion, [0, 0, this.#velocity.x, 0, 0, this.#velocity.y])
			: motion;
	}

	#followVelocity(last: Motion): void {
		if (meanOf(this.#seen, this.#mesh.evidence) >= LOST) {
			const { motion } = this.#state;
			const { x, y } = this.#velocity;
			this.#velocity = {
				x: x + 0.3 * ((motion[2] as number) - (last[2] as number) - x),
				y: y + 0.3 * ((motion[5] as number) - (last[5] as number) - y),
			};
		}
	}

	/** Where descriptors put the whole, or where it was: whichever looks more like the first frame. */
	#bestStart(frame: TrackedFrame, before: Placement, found: Found, cell: number): TrackedMesh {
		const { centre, extent } = this.#mesh;
		const unit = (value: number, middle: number): number => (value - middle) / extent;
		const last = this.#state.motion;
		const moved = [...this.#mesh.x].map((x, i) =>
			applyMotion(last, unit(x, centre.x), unit(this.#mesh.y[i] as number, centre.y)),
		);
		// Matches of whole cells would make up perspective, on a patch of a few cells most of all: that is left to the images.
		const correction = fitRobustly(
			{
				fromX: Float64Array.from(moved, ({ x }) => x),
				fromY: Float64Array.from(moved, ({ y }) => y),
				toX: found.x.map((x, i) => unit(x - (this.#state.offsetX[i] as number), centre.x)),
				toY: found.y.map((y, i) => unit(y - (this.#state.offsetY[i] as number), centre.y)),
				weight: found.weight,
			},
			cell / extent,
			identityMotion(),
		);
		const motion = thenAffine(last, correction);
		const candidates = [this.#state, { ...this.#state, motion }];
		const level = Math.min(1, frame.pyramid.length - 1);
		const scores = candidates.map((candidate) => {
			const { anchored, recent } = this.#compare(frame, before, candidate, level);
			return (
				meanOf(anchored.correlation, this.#mesh.evidence) + meanOf(recent.correlation, this.#mesh.evidence)
			);
		});
		// Descriptors see farther than patches: the old place must look clearly better to be kept.
		return (scores[0] as number) > (scores[1] as number) + 0.05
			? (candidates[0] as TrackedMesh)
			: (candidates[1] as TrackedMesh);
	}

	#compare(
		frame: TrackedFrame,
		before: Placement,
		state: TrackedMesh,
		level: number,
	): { readonly anchored: Alignment; readonly recent: Alignment } {
		const place = placeMesh(this.#mesh, state);
		const { mask } = frame;
		// Whatever the carried masks do not show as the object is in front of it, or it has gone from there.
		const covered =
			mask &&
			((x: number, y: number): boolean =>
				x >= 0 &&
				y >= 0 &&
				x < mask.width &&
				y < mask.height &&
				mask.ids[y * mask.width + x] !== this.#object);
		const compare = (from: LumaPyramid, at: Placement): Alignment =>
			alignPatches(
				this.#mesh,
				this.#evidence,
				from[level] as LumaPlane,
				at,
				frame.pyramid[level] as LumaPlane,
				place,
				level,
				covered,
			);
		return {
			anchored: compare(this.#first.pyramid, this.#origin),
			recent: compare(this.#previous.pyramid, before),
		};
	}

	/** Everything that is known of how each point should move: normal matrices and right-hand sides, per point. */
	#equations(
		frame: TrackedFrame,
		before: Placement,
		found: Found,
		cell: number,
		state: TrackedMesh,
		level: number,
	): { readonly normal: Float64Array; readonly right: Float64Array } {
		const { anchored, recent } = this.#compare(frame, before, state, level);
		const place = placeMesh(this.#mesh, state);
		const normal = new Float64Array(anchored.normal.length);
		const right = new Float64Array(anchored.right.length);
		const sigma = DESCRIPTOR_SIGMA_CELLS * cell;
		for (let i = 0; i < this.#mesh.x.length; i++) {
			const own = this.#mesh.evidence[i] as number;
			// Where the first frame is still recognised it decides; the frame before only helps where it is not, and not
			// where something was in front: that would be followed instead.
			const lost = 1 - Math.max(0, anchored.correlation[i] as number);
			const help = own * (0.02 + lost * lost) * (this.#seen[i] as number);
			for (let k = 0; k < 3; k++) {
				normal[i * 3 + k] =
					own * (anchored.normal[i * 3 + k] as number) + help * (recent.normal[i * 3 + k] as number);
			}
			const dx = (found.x[i] as number) - (place.x[i] as number);
			const dy = (found.y[i] as number) - (place.y[i] as number);
			const pull =
				(found.weight[i] as number) / (sigma * sigma) / (1 + (dx * dx + dy * dy) / (cell * cell)) ** 2;
			normal[i * 3] = (normal[i * 3] as number) + pull;
			normal[i * 3 + 2] = (normal[i * 3 + 2] as number) + pull;
			right[i * 2] =
				own * (anchored.right[i * 2] as number) + help * (recent.right[i * 2] as number) + pull * dx;
			right[i * 2 + 1] =
				own * (anchored.right[i * 2 + 1] as number) + help * (recent.right[i * 2 + 1] as number) + pull * dy;
		}
		return { normal, right };
	}

	/** Gauss-Newton in the parameters of the motion of the whole. */
	#alignWhole(
		frame: TrackedFrame,
		before: Placement,
		found: Found,
		cell: number,
		start: TrackedMesh,
		level: number,
	): TrackedMesh {
		const { centre, extent } = this.#mesh;
		const count = parameterCount(this.#kind);
		let state = start;
		for (let step = 0; step < STEPS; step++) {
			const { normal, right } = this.#equations(frame, before, found, cell, state, level);
			const matrix = Matrix.zeros(count, count);
			const side = Matrix.zeros(count, 1);
			for (let i = 0; i < this.#mesh.x.length; i++) {
				const [xx, xy, yy] = [normal[i * 3], normal[i * 3 + 1], normal[i * 3 + 2]] as [
					number,
					number,
					number,
				];
				if (xx + yy === 0) {
					continue;
				}
				const [forX, forY] = parameterJacobian(
					this.#kind,
					state.motion,
					((this.#mesh.x[i] as number) - centre.x) / extent,
					((this.#mesh.y[i] as number) - centre.y) / extent,
				);
				const [rx, ry] = [right[i * 2] as number, right[i * 2 + 1] as number];
				for (let a = 0; a < count; a++) {
					const [ax, ay] = [(forX[a] as number) * extent, (forY[a] as number) * extent];
					side.set(a, 0, side.get(a, 0) + ax * rx + ay * ry);
					for (let b = 0; b < count; b++) {
						const [bx, by] = [(forX[b] as number) * extent, (forY[b] as number) * extent];
						matrix.set(a, b, matrix.get(a, b) + ax * (xx * bx + xy * by) + ay * (xy * bx + yy * by));
					}
				}
			}
			let trace = 0;
			for (let a = 0; a < count; a++) {
				trace += matrix.get(a, a);
			}
			if (trace === 0) {
				return state;
			}
			for (let a = 0; a < count; a++) {
				// Few or one-sided points leave parameters undetermined.
				matrix.set(a, a, matrix.get(a, a) + (DAMPING * trace) / count);
			}
			for (let a = FIRST_PERSPECTIVE; a < count; a++) {
				// Perspective most of all: on a small patch noise makes it up, so it has to be seen clearly.
				const prior = (PERSPECTIVE_PRIOR * trace) / count;
				matrix.set(a, a, matrix.get(a, a) + prior);
				side.set(a, 0, side.get(a, 0) - prior * (state.motion[a] as number));
			}
			const change = solve(matrix, side).to1DArray();
			const longest = Math.max(...change.map((value) => Math.abs(value) * extent));
			const limit = LONGEST_STEP * 2 ** level;
			const share = longest > limit ? limit / longest : 1;
			state = {
				...state,
				motion: stepMotion(
					state.motion,
					change.map((value) => value * share),
				),
			};
			if (longest < 0.005) {
				break;
			}
		}
		return state;
	}

	/** Gauss-Newton in each point's own offset, neighbours held together. */
	#alignPoints(
		frame: TrackedFrame,
		before: Placement,
		found: Found,
		cell: number,
		start: TrackedMesh,
		level: number,
	): TrackedMesh {
		const points = this.#mesh.x.length;
		const last = this.#state;
		const limit = LONGEST_STEP * 2 ** level;
		let state = start;
		for (let step = 0; step < STEPS; step++) {
			const { normal, right } = this.#equations(frame, before, found, cell, state, level);
			const x = new Float64Array(points);
			const y = new Float64Array(points);
			for (let sweep = 0; sweep < SWEEPS; sweep++) {
				for (let i = 0; i < points; i++) {
					const [ox, oy] = [state.offsetX[i] as number, state.offsetY[i] as number];
					let xx = (normal[i * 3] as number) + CONTINUITY;
					let yy = (normal[i * 3 + 2] as number) + CONTINUITY;
					const xy = normal[i * 3 + 1] as number;
					let rx = (right[i * 2] as number) + CONTINUITY * ((last.offsetX[i] as number) - ox);
					let ry = (right[i * 2 + 1] as number) + CONTINUITY * ((last.offsetY[i] as number) - oy);
					for (const j of this.#neighbours[i] ?? []) {
						xx += TOGETHER;
						yy += TOGETHER;
						rx += TOGETHER * ((state.offsetX[j] as number) + (x[j] as number) - ox);
						ry += TOGETHER * ((state.offsetY[j] as number) + (y[j] as number) - oy);
					}
					const determinant = xx * yy - xy * xy;
					x[i] = (yy * rx - xy * ry) / determinant;
					y[i] = (xx * ry - xy * rx) / determinant;
				}
			}
			const clip = (value: number): number => Math.max(-limit, Math.min(limit, value));
			state = {
				...state,
				offsetX: state.offsetX.map((value, i) => value + clip(x[i] as number)),
				offsetY: state.offsetY.map((value, i) => value + clip(y[i] as number)),
			};
		}
		return state;
	}
}

/** Positions of a mesh's points in a frame, in pixels, and how the first frame is turned and stretched there. */
export const placeMesh = (
	{ x, y, centre, extent }: EditMesh,
	{ motion, offsetX, offsetY }: Pick<TrackedMesh, 'motion' | 'offsetX' | 'offsetY'>,
): Placement => {
	const points = x.length;
	const place = {
		x: new Float64Array(points),
		y: new Float64Array(points),
		linear: new Float64Array(points * 4),
	};
	for (let i = 0; i < points; i++) {
		const [ux, uy] = [((x[i] as number) - centre.x) / extent, ((y[i] as number) - centre.y) / extent];
		const to = applyMotion(motion, ux, uy);
		place.x[i] = to.x * extent + centre.x + (offsetX[i] as number);
		place.y[i] = to.y * extent + centre.y + (offsetY[i] as number);
		place.linear.set(linearPart(motion, ux, uy), i * 4);
	}
	return place;
};

const meanOf = (values: Float64Array, weights: Float64Array): number => {
	let [sum, total] = [0, 1e-9];
	for (let i = 0; i < values.length; i++) {
		sum += (weights[i] as number) * (values[i] as number);
		total += weights[i] as number;
	}
	return sum / total;
};
