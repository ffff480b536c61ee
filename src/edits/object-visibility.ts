import { dilate } from '../core/binary-raster.js';
import type { LabelMap } from '../core/frame.js';
import type { CarriedField } from './carried-field.js';
import type { EditLayer } from './difference-matte.js';
import type { EditPart } from './edit-parts.js';

/** An edit that goes this far beyond its object, in pixels, is not cut at the object's border there. */
const OVERHANG = 8;
/** Opacity from which a layer counts as drawn beyond the border; its antialiased rim does not. */
const DRAWN = 64;

/**
 * Where in the first frame an edit stays inside its object: 1 there, 0 where it hangs over the border (a hat, a halo),
 * so that it may do so in later frames too.
 */
export const cutMap = (part: EditPart, layer: EditLayer, mask: LabelMap): Uint8Array => {
	const { width, height } = layer;
	const beyond = part.support.map((own, pixel) =>
		own === 1 && mask.ids[pixel] !== part.object && layer.data[pixel * 4 + 3]! >= DRAWN ? 1 : 0,
	);
	// A mask's border is a pixel or two off; only what goes clearly beyond is meant to.
	const inside = dilate(
		mask.ids.map((id) => (id === part.object ? 1 : 0)),
		width,
		height,
		2,
	);
	const clear = beyond.map((one, pixel) => one & (1 - inside[pixel]!));
	return dilate(clear, width, height, OVERHANG).map((one) => 1 - one);
};

/**
 * How much of a carried edit each pixel of the frame shows, from the masks carried to it: the edit is seen where its
 * object is, and where it hangs over, wherever no other object is.
 *
 * @returns [field.height * field.width] 0..1
 */
export const objectVisibility = (
	field: CarriedField,
	part: EditPart,
	cut: Uint8Array,
	labels: LabelMap,
): Float32Array => {
	const visible = new Float32Array(field.width * field.height);
	const own = part.object;
	const isOwn = (id: number): boolean => id === own;
	const isFree = (id: number): boolean => id === own || id === 0;
	for (let y = 0; y < field.height; y++) {
		for (let x = 0; x < field.width; x++) {
			const pixel = y * field.width + x;
			const fromX = field.x[pixel]!;
			if (Number.isNaN(fromX)) {
				continue;
			}
			const fx = Math.min(labels.width - 1, Math.max(0, Math.round(fromX)));
			const fy = Math.min(labels.height - 1, Math.max(0, Math.round(field.y[pixel]!)));
			const isCut = cut[fy * labels.width + fx] === 1;
			visible[pixel] = coverage(labels, field.left + x, field.top + y, isCut ? isOwn : isFree);
		}
	}
	return visible;
};

const kernel = [1, 2, 1];

/** Share of a pixel's surroundings (3 x 3, binomial) whose id passes: the border of a mask without stairs. */
const coverage = (
	{ width, height, ids }: LabelMap,
	x: number,
	y: number,
	passes: (id: number) => boolean,
): number => {
	let sum = 0;
	for (let dy = -1; dy <= 1; dy++) {
		const row = Math.min(height - 1, Math.max(0, y + dy)) * width;
		for (let dx = -1; dx <= 1; dx++) {
			if (passes(ids[row + Math.min(width - 1, Math.max(0, x + dx))]!)) {
				sum += kernel[dx + 1]! * kernel[dy + 1]!;
			}
		}
	}
	return sum / 16;
};
