import type { LabelMap } from '../core/frame.js';

/** One object's mask: 1 inside, 0 outside; rows top to bottom. */
export type BinaryMask = {
	readonly width: number;
	readonly height: number;
	/** `height * width` values, 0 or 1. */
	readonly data: Uint8Array;
};

/** Ids without the palette: all that a metric needs. */
export type Labels = Pick<LabelMap, 'width' | 'height' | 'ids'>;

/** DAVIS marks pixels that count neither way with this id. */
export const voidId = 255;

/**
 * The mask of one object.
 *
 * @param ignore labels of the same size; where they are {@link voidId} the mask is 0. Given to the truth's and the
 * result's mask alike, this takes those pixels out of both metrics, as the official evaluation does.
 */
export const objectMask = (labels: Labels, id: number, ignore?: Labels): BinaryMask => {
	const { width, height, ids } = labels;
	const data = new Uint8Array(width * height);
	for (let i = 0; i < data.length; i++) {
		data[i] = ids[i] === id && ignore?.ids[i] !== voidId ? 1 : 0;
	}
	return { width, height, data };
};
