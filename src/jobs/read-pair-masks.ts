import { UserError } from '../core/errors.js';
import type { Size } from '../core/size.js';
import { readLabelMap } from '../media/label-map.js';
import type { PairMasks } from '../pairs/pair-masks.js';

/** Mask files of a pair; what any object of theirs covers is inside. */
export type MaskPaths = {
	readonly sourceMask?: string | undefined;
	readonly targetMask?: string | undefined;
};

/**
 * @throws UserError when a mask cannot be read, is empty, or is not of its image's size
 */
export const readPairMasks = async (
	{ sourceMask, targetMask }: MaskPaths,
	source: Size,
	target: Size,
): Promise<PairMasks> => ({
	source: sourceMask === undefined ? undefined : await readPairMask(sourceMask, source, 'source'),
	target: targetMask === undefined ? undefined : await readPairMask(targetMask, target, 'target'),
});

const readPairMask = async (path: string, image: Size, name: string): Promise<Uint8Array> => {
	const mask = await readLabelMap(path);
	if (mask.width !== image.width || mask.height !== image.height) {
		throw new UserError(
			`The mask "${path}" is ${mask.width}×${mask.height}, but the ${name} image is ${image.width}×${image.height}; give a mask of the image's size.`,
		);
	}
	const inside = mask.ids.map((id) => (id > 0 ? 1 : 0));
	if (!inside.includes(1)) {
		throw new UserError(
			`The mask "${path}" is empty: no pixel belongs to an object; paint the object in it.`,
		);
	}
	return inside;
};
