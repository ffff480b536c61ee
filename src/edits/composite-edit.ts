import type { Raster } from '../core/frame.js';
import type { Light } from '../core/light.js';
import type { Mattes } from '../mattes/mattes.js';
import type { CarriedField } from './carried-field.js';
import type { EditTexture } from './edit-texture.js';

/**
 * Draws a carried edit over a frame; changes `image`.
 *
 * @param visible [field.height * field.width] 0..1, how much of the edit shows at each pixel
 * @param gains whether the field carries three brightness factors, red, green and blue, by which the edit is multiplied
 */
export const compositeEdit = (
	image: Raster<3>,
	field: CarriedField,
	texture: EditTexture,
	visible: Float32Array,
	light: Light,
	gains: boolean,
): void => {
	const colour = new Float64Array(4);
	for (let y = 0; y < field.height; y++) {
		for (let x = 0; x < field.width; x++) {
			const pixel = y * field.width + x;
			const shown = visible[pixel]!;
			const fromX = field.x[pixel]!;
			if (shown <= 0 || Number.isNaN(fromX)) {
				continue;
			}
			texture.sample(fromX, field.y[pixel]!, field.density[pixel]!, colour);
			const opacity = shown * colour[3]!;
			if (opacity < 1 / 512) {
				continue;
			}
			const at = ((field.top + y) * image.width + field.left + x) * 3;
			for (let channel = 0; channel < 3; channel++) {
				const gain = gains ? field.values[pixel * 3 + channel]! : 1;
				const behind = light.fromByte(image.data[at + channel]!);
				image.data[at + channel] = light.toByte(shown * gain * colour[channel]! + (1 - opacity) * behind);
			}
		}
	}
};

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

/**
 * A frame between two of its edits. Where both show the same it stays exactly that.
 *
 * @param share 0..1, of the second
 * @param light in which they are blended
 */
export const mixed = (first: Raster<3>, second: Raster<3>, share: number, light: Light): Raster<3> => ({
	...first,
	data: first.data.map((one, at) => {
		const other = second.data[at]!;
		return one === other
			? one
			: light.toByte((1 - share) * light.fromByte(one) + share * light.fromByte(other));
	}),
});
