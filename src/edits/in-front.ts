import type { Raster } from '../core/frame.js';
import type { Mattes } from '../mattes/mattes.js';

/**
 * A frame with an edit in it, and the objects in front of the edit: in their own colours where they cover it partly.
 *
 * @param image the frame as it was filmed; where it is as before, it stays so
 */
export const inFront = (image: Raster<3>, edited: Raster<3>, mattes: Mattes): Raster<3> => {
	const { data: alpha } = mattes.all;
	const own = mattes.coloursOf(image).data;
	const data = edited.data.slice();
	for (let pixel = 0; pixel < alpha.length; pixel++) {
		const share = alpha[pixel]! / 255;
		for (let at = pixel * 3; share > 0 && at < pixel * 3 + 3; at++) {
			if (data[at] !== image.data[at]) {
				data[at] = Math.round(data[at]! + share * (own[at]! - data[at]!));
			}
		}
	}
	return { ...edited, data };
};
