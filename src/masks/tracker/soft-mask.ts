import { axis } from '../../core/bilinear.js';
import type { LabelMap } from '../../core/frame.js';
import type { GridSize } from '../../core/size.js';
import { labelsFromMask } from '../../core/soft-labels.js';

/**
 * Probabilities of a frame's objects at half of the size at which the tracker sees it, in 255ths:
 * `data[object * height * width + y * width + x]`; what the objects leave of 255 is background.
 *
 * Eight bits on purpose: a pass remembers exactly what it stores, so that it can be taken up from there and go on to the same result.
 */
export type SoftMask = { readonly grid: GridSize; readonly data: Uint8Array };

/** A painted mask as the tracker takes it. @param ids of the objects, in the order of the soft mask's planes */
export const softMaskOf = (mask: LabelMap, grid: GridSize, ids: readonly number[]): SoftMask => {
	const labels = labelsFromMask(mask, grid, [0, ...ids]);
	const cells = grid.height * grid.width;
	const data = new Uint8Array(ids.length * cells);
	for (let object = 0; object < ids.length; object++) {
		for (let cell = 0; cell < cells; cell++) {
			const share = labels.data[cell * (ids.length + 1) + object + 1]!;
			data[object * cells + cell] = Math.round(255 * share);
		}
	}
	return { grid, data };
};

/** The mean of two masks; `share` 0..1 is the second one's. */
export const blend = (a: SoftMask, b: SoftMask, share: number): SoftMask => ({
	grid: a.grid,
	data: a.data.map((value, at) => Math.round(value + share * (b.data[at]! - value))),
});

/**
 * The object that owns each pixel of a frame: probabilities are interpolated bilinearly (cells' centres at (i + 0.5) / size), and the
 * largest one of objects and background wins.
 *
 * @param ids of the objects, in the order of the soft mask's planes
 * @returns [height * width]
 */
export const idsOf = (
	{ grid, data }: SoftMask,
	ids: readonly number[],
	width: number,
	height: number,
): Uint8Array => {
	const out = new Uint8Array(width * height);
	const cells = grid.width * grid.height;
	const columns = axis(grid.width, width);
	const rows = axis(grid.height, height);
	const owners = quadOwners({ grid, data }, ids);
	for (let y = 0; y < height; y++) {
		const [top, down] = [rows.low[y]!, rows.share[y]!];
		for (let x = 0; x < width; x++) {
			const left = columns.low[x]!;
			const corner = top * grid.width + left;
			const owner = owners[corner]!;
			if (owner !== MIXED) {
				out[y * width + x] = owner;
				continue;
			}
			const across = columns.share[x]!;
			const right = left + 1 < grid.width ? 1 : 0;
			const below = top + 1 < grid.height ? grid.width : 0;
			let [winner, largest, background] = [0, 0, 255];
			for (let object = 0; object < ids.length; object++) {
				const at = object * cells + corner;
				const upper = mix(data[at]!, data[at + right]!, across);
				const lower = mix(data[at + below]!, data[at + below + right]!, across);
				const value = mix(upper, lower, down);
				background -= value;
				if (value > largest) {
					largest = value;
					winner = ids[object]!;
				}
			}
			out[y * width + x] = largest > background ? winner : 0;
		}
	}
	return out;
};

const mix = (a: number, b: number, share: number): number => a + share * (b - a);

/** No id: objects are 1 to 255, and a run of 255 objects has no pixel in question that it could not name. */
const MIXED = 256;
/** A probability from which, at all four corners, nothing between them can belong to anything else. */
const CERTAIN = 128;

/** Most quads of four neighbouring cells lie inside one object or outside of all: [cells] that object's id, 0, or {@link MIXED}. */
const quadOwners = ({ grid, data }: SoftMask, ids: readonly number[]): Uint16Array => {
	const { width, height } = grid;
	const cells = width * height;
	const owners = new Uint16Array(cells).fill(MIXED);
	const single = new Uint16Array(cells);
	for (let cell = 0; cell < cells; cell++) {
		let rest = 255;
		let owner = MIXED;
		for (let object = 0; object < ids.length; object++) {
			const value = data[object * cells + cell]!;
			rest -= value;
			if (value >= CERTAIN) {
				owner = ids[object]!;
			}
		}
		single[cell] = rest >= CERTAIN ? 0 : owner;
	}
	for (let y = 0; y < height; y++) {
		for (let x = 0; x < width; x++) {
			const at = y * width + x;
			const right = x + 1 < width ? 1 : 0;
			const below = y + 1 < height ? width : 0;
			const owner = single[at]!;
			if (
				owner === single[at + right] &&
				owner === single[at + below] &&
				owner === single[at + below + right]
			) {
				owners[at] = owner;
			}
		}
	}
	return owners;
};
