import { UserError } from '../core/errors.js';
import type { Raster } from '../core/frame.js';
import { readImageWithAlpha } from '../media/image.js';
import { differenceMatte, type EditLayer } from './difference-matte.js';

/**
 * Reads an edit: a layer with transparency as it is; an opaque image is the edited first frame, and the edit is its
 * difference from that frame.
 *
 * @throws UserError when the size differs from the clip's, or there is nothing to carry
 */
export const readEdit = async (path: string, first: Raster<3>): Promise<EditLayer> => {
	const image = await readImageWithAlpha(path);
	if (image.width !== first.width || image.height !== first.height) {
		throw new UserError(
			`The edit "${path}" is ${image.width}×${image.height}, but the clip is ${first.width}×${first.height}; make it on the clip's first frame, at its size.`,
		);
	}
	const isLayer = image.data.some((value, at) => at % 4 === 3 && value < 255);
	if (!isLayer) {
		const matte = differenceMatte(first, image);
		if (matte === undefined) {
			throw new UserError(
				`The edit "${path}" shows no difference from the first frame; paint on that frame, or give a layer with transparency.`,
			);
		}
		return matte;
	}
	if (image.data.every((value, at) => at % 4 !== 3 || value === 0)) {
		throw new UserError(`The edit "${path}" is fully transparent; draw something on the layer.`);
	}
	return image;
};
