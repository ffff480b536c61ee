import type { Raster } from '../core/frame.js';
import type { Light } from '../core/light.js';

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
