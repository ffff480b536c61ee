import type { Raster } from '../core/frame.js';
import type { Light } from '../core/light.js';
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
