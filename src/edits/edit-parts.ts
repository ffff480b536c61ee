import { components, dilate } from '../core/binary-raster.js';
import type { LabelMap } from '../core/frame.js';
import type { MeshArea } from '../motion/mesh.js';
import type { EditLayer } from './difference-matte.js';

/** A part of an edit that moves as one: what lies on one object, or, without masks, what lies together. */
export type EditPart = MeshArea & {
	/** Id of the object it lies on; undefined when no mask says. 0 is the background. */
	readonly object: number | undefined;
};

/** Pieces closer than this share of the short side belong together: letters of a word, dots of a pattern. */
const TOGETHER_SHARE = 0.03;
/** A piece of an edit that has so much of itself on an object belongs to it as a whole, like a hat on a head. */
const BELONGS_SHARE = 0.3;

/**
 * Splits an edit into parts that move on their own.
 *
 * @param mask of the first frame, if there is one
 * @param isBehind all of it belongs to the background, also where an object covers that
 */
export const editParts = (layer: EditLayer, mask: LabelMap | undefined, isBehind = false): EditPart[] => {
	const { width, height } = layer;
	const drawn = new Uint8Array(width * height);
	for (let pixel = 0; pixel < drawn.length; pixel++) {
		drawn[pixel] = layer.data[pixel * 4 + 3]! > 0 ? 1 : 0;
	}
	const radius = Math.max(2, Math.round((TOGETHER_SHARE * Math.min(width, height)) / 2));
	const near = dilate(drawn, width, height, radius);
	const pieces = components(near, width, height);
	if (mask === undefined) {
		return pieces.map((pixels) => {
			const evidence = pixelsOf(pixels, drawn.length);
			return { object: undefined, support: evidence.map((one, at) => one & drawn[at]!), evidence };
		});
	}
	const owner = new Int16Array(drawn.length).fill(-1);
	for (const pixels of pieces) {
		const main = isBehind ? 0 : mainObject(pixels, drawn, mask.ids);
		for (const pixel of pixels) {
			if (drawn[pixel] === 1) {
				const id = mask.ids[pixel]!;
				owner[pixel] = id === 0 || isBehind ? main : id;
			}
		}
	}
	return [...new Set(owner)]
		.filter((id) => id >= 0)
		.map((id) => {
			const support = Uint8Array.from(owner, (own) => (own === id ? 1 : 0));
			// An object shows its motion everywhere, the background around the edit.
			const around = id === 0 ? dilate(support, width, height, 4 * radius) : undefined;
			const evidence = mask.ids.map((own, at) =>
				own === id && (around === undefined || around[at] === 1) ? 1 : 0,
			);
			return { object: id, support, evidence };
		});
};

const pixelsOf = (pixels: Int32Array, count: number): Uint8Array => {
	const image = new Uint8Array(count);
	for (const pixel of pixels) {
		image[pixel] = 1;
	}
	return image;
};

/** The object that holds a fair share of the drawn pixels, else the background. */
const mainObject = (pixels: Int32Array, drawn: Uint8Array, ids: Uint8Array): number => {
	const areas = new Map<number, number>();
	let total = 0;
	for (const pixel of pixels) {
		if (drawn[pixel] === 1) {
			const id = ids[pixel]!;
			areas.set(id, (areas.get(id) ?? 0) + 1);
			total++;
		}
	}
	const [largest] = [...areas].filter(([id]) => id > 0).sort((a, b) => b[1] - a[1]);
	return largest !== undefined && largest[1] >= BELONGS_SHARE * total ? largest[0] : 0;
};
