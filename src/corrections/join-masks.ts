import { frameConfidence } from '../propagation/confidence.js';
import type { CarriedLabels } from '../propagation/propagate-masks.js';
import { agreement } from './agreement.js';
import type { JoinedFrame } from './run-stores.js';

/** The higher, the more the pass with the better matches decides a place alone. */
const SHARPNESS = 4;

/**
 * Joins what was carried to one frame from the keyframe before it and from the one after it. Both masks are at full
 * size already, so where they agree nothing is to be done; elsewhere the nearer and surer one decides.
 *
 * @param share 0..1: how near the frame is to the later keyframe
 */
export const joinMasks = (
	before: CarriedLabels,
	after: CarriedLabels,
	share: number,
	{ width, height }: { readonly width: number; readonly height: number },
): JoinedFrame => {
	const { grid } = before.voted;
	const sayBefore = sayOf(before, 1 - share);
	const sayAfter = sayOf(after, share);
	const ids = Uint8Array.from(before.ids);
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const pixel = y * width + x;
			if (before.ids[pixel] !== after.ids[pixel]) {
				const at = cornersOf(
					grid,
					((x + 0.5) * grid.width) / width - 0.5,
					((y + 0.5) * grid.height) / height - 0.5,
				);
				if (valueAt(sayAfter, at) > valueAt(sayBefore, at)) {
					ids[pixel] = after.ids[pixel] as number;
				}
			}
		}
	}
	const confidence =
		(1 - share) * frameConfidence(before.voted, before.bestSimilarity) +
		share * frameConfidence(after.voted, after.bestSimilarity);
	// Where the passes contradict each other, one of them is wrong.
	return { ids, confidence: confidence * (0.5 + 0.5 * agreement(before.ids, after.ids)) };
};

/**
 * [cells] how much a pass has to say about each cell: nearness, times how similar its matches were, times, weakly, how decided
 * its vote was: on an object's border no vote is, and borders were set by refinement since.
 */
const sayOf = ({ voted, bestSimilarity }: CarriedLabels, nearness: number): Float32Array => {
	const classes = voted.ids.length;
	return bestSimilarity.map((similarity, cell) => {
		let decided = 0;
		for (let c = 0; c < classes; c++) {
			decided = Math.max(decided, voted.data[cell * classes + c] as number);
		}
		return nearness * (0.5 + 0.5 * decided) * Math.max(0, similarity) ** SHARPNESS;
	});
};

type Corners = {
	readonly cells: readonly [number, number, number, number];
	readonly across: number;
	readonly down: number;
};

const cornersOf = (
	{ width, height }: { readonly width: number; readonly height: number },
	x: number,
	y: number,
): Corners => {
	const column = Math.min(width - 1, Math.max(0, x));
	const row = Math.min(height - 1, Math.max(0, y));
	const [left, top] = [Math.floor(column), Math.floor(row)];
	const right = Math.min(width - 1, left + 1);
	const bottom = Math.min(height - 1, top + 1);
	return {
		cells: [top * width + left, top * width + right, bottom * width + left, bottom * width + right],
		across: column - left,
		down: row - top,
	};
};

const valueAt = (values: Float32Array, { cells, across, down }: Corners): number =>
	(1 - down) * ((1 - across) * (values[cells[0]] as number) + across * (values[cells[1]] as number)) +
	down * ((1 - across) * (values[cells[2]] as number) + across * (values[cells[3]] as number));
