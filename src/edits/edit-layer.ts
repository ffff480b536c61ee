import { UserError } from '../core/errors.js';
import type { Raster } from '../core/frame.js';
import { readImageWithAlpha } from '../media/image.js';
import { differenceMatte, type EditLayer } from './difference-matte.js';

type ReadEdit = {
	readonly layer: EditLayer;
	/** It was given as a layer with transparency, not as an edited frame. */
	readonly isLayer: boolean;
};

/**
 * Reads an edit: a layer with transparency as it is; an opaque image is the edited frame, and the edit is its
 * difference from the frame as it was.
 *
 * @param original the frame that it was made on
 * @param called what the frame is called in messages
 * @throws UserError when the size differs from the clip's, or there is nothing to carry
 */
export const readEdit = async (
	path: string,
	original: Raster<3>,
	called = 'the first frame',
): Promise<ReadEdit> => {
	const image = await readImageWithAlpha(path);
	if (image.width !== original.width || image.height !== original.height) {
		throw new UserError(
			`The edit "${path}" is ${image.width}×${image.height}, but the clip is ${original.width}×${original.height}; make it on ${called}, at its size.`,
		);
	}
	const isLayer = image.data.some((value, at) => at % 4 === 3 && value < 255);
	if (!isLayer) {
		const matte = differenceMatte(original, image);
		if (matte === undefined) {
			throw new UserError(
				`The edit "${path}" shows no difference from ${called}; paint on that frame, or give a layer with transparency.`,
			);
		}
		return { layer: matte, isLayer };
	}
	if (image.data.every((value, at) => at % 4 !== 3 || value === 0)) {
		throw new UserError(`The edit "${path}" is fully transparent; draw something on the layer.`);
	}
	return { layer: image, isLayer };
};
