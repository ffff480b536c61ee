import type { LabelMap } from '../../core/frame.js';

/** The part of a mask that one object covers. */
type ObjectArea = {
	/** Pixels. */
	readonly area: number;
	/** `[x, y, width, height]` in pixels; zeros when nothing is to be seen. */
	readonly box: readonly [x: number, y: number, width: number, height: number];
};

/** Where an object is in a mask, and how much of it there is. */
export const objectArea = ({ width, height, ids }: LabelMap, id: number): ObjectArea => {
	let [area, left, top, right, bottom] = [0, width, height, -1, -1];
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			if (ids[y * width + x] === id) {
				area++;
				left = Math.min(left, x);
				right = Math.max(right, x);
				top = Math.min(top, y);
				bottom = y;
			}
		}
	}
	return { area, box: area === 0 ? [0, 0, 0, 0] : [left, top, right - left + 1, bottom - top + 1] };
};

/** Lengths of runs down the columns, outside and inside by turns, outside first: COCO's run-length encoding. */
export const runLengths = ({ width, height, ids }: LabelMap, id: number): number[] => {
	const runs: number[] = [];
	let inside = false;
	let length = 0;
	for (let x = 0; x < width; x++) {
		for (let y = 0; y < height; y++) {
			if ((ids[y * width + x] === id) !== inside) {
				runs.push(length);
				length = 0;
				inside = !inside;
			}
			length++;
		}
	}
	runs.push(length);
	return runs;
};

/**
 * The string that COCO's tools write for run lengths: each is told as the difference from the one before last, in
 * groups of five bits, least significant first, a sixth bit for "more follows", moved to the printable characters from
 * `0` on (`rleToString` of cocoapi's maskApi.c).
 */
export const compressRunLengths = (runs: readonly number[]): string => {
	const characters: number[] = [];
	for (const [at, run] of runs.entries()) {
		// The first three are told as they are.
		let rest = run - (at > 2 ? (runs[at - 2] ?? 0) : 0);
		for (let more = true; more; ) {
			const group = rest & 0x1f;
			rest >>= 5;
			// A negative number ends in a group whose highest bit is set, a positive one in a group where it is not.
			more = group & 0x10 ? rest !== -1 : rest !== 0;
			characters.push((more ? group | 0x20 : group) + 48);
		}
	}
	return Buffer.from(characters).toString('latin1');
};
