import type { GridSize, Size } from '../../core/size.js';
import { labelsFromMask } from '../../core/soft-labels.js';

/** How much of each cell a mask covers. @param mask [height * width] 1 on the object */
export const sharesOf = (mask: Uint8Array, { width, height }: Size, grid: GridSize): Float32Array => {
	const { data } = labelsFromMask({ width, height, ids: mask, palette: new Uint8Array() }, grid, [0, 1]);
	return Float32Array.from({ length: grid.width * grid.height }, (_, cell) => data[cell * 2 + 1]!);
};
