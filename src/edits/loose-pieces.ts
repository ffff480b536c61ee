import type { Mesh } from '../motion/mesh.js';
import type { Placement } from '../motion/mesh-pose.js';
import type { CarriedField } from './carried-field.js';

/** Patches that correlate less than this are not of the same thing. */
const SAME_THING = 0.4;
/** A piece of which so much lies on something else is loose. */
const LOOSE_SHARE = 0.6;
/** A piece of which less is drawn has gone behind something. */
const LEAST_SHOWN = 0.1;

/** How much of an edit is drawn in a frame, in points of its meshes, and how much of that is of loose pieces. */
type Standing = { readonly shown: number; readonly loose: number };

/**
 * Whether a piece is still on what it was painted on: where it is drawn, the frame looks like the edit's own there.
 *
 * @param visible [field.height * field.width] 0..1, how much of the piece shows at each pixel
 * @param correlation [points] -1..1: how well the frame looks like the edit's own around each point
 */
export const standingOf = (
	mesh: Mesh,
	place: Pick<Placement, 'x' | 'y'>,
	field: CarriedField,
	visible: Float32Array,
	correlation: Float64Array,
): Standing => {
	let [all, shown, lost] = [0, 0, 0];
	for (const [i, own] of mesh.evidence.entries()) {
		const x = Math.round(place.x[i]!) - field.left;
		const y = Math.round(place.y[i]!) - field.top;
		const isInside = x >= 0 && y >= 0 && x < field.width && y < field.height;
		const drawn = isInside ? own * visible[y * field.width + x]! : 0;
		all += own;
		shown += drawn;
		lost += correlation[i]! < SAME_THING ? drawn : 0;
	}
	const isLoose = shown > LEAST_SHOWN * all && lost > LOOSE_SHARE * shown;
	return { shown, loose: isLoose ? shown : 0 };
};

/** Frames must be so many for a piece to be noticed in the air. */
const LEAST_FRAMES = 3;

/** Counts frames in which pieces of an edit are left in the air. */
export class LooseFrames {
	#frames = 0;
	#first: number | undefined;
	#most = 0;

	/** @param loose of what is drawn, 0..1 */
	add(frame: number, loose: number): void {
		if (loose > 0) {
			this.#frames++;
			this.#first ??= frame;
			this.#most = Math.max(this.#most, loose);
		}
	}

	/** What is to be said of it, if there is something. */
	get note(): string | undefined {
		if (this.#frames < LEAST_FRAMES) {
			return undefined;
		}
		const share = Math.max(1, Math.round(100 * this.#most));
		return `In ${this.#frames} frames, the first of them ${this.#first}, a piece of the edit (up to ${share} % of it) lies on something else than it was painted on, and is left in the air. Give the object with --mask to keep it there, or a further edit with --edit ${this.#first}=….`;
	}
}
