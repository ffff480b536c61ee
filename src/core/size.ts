/** Size of an image in pixels. */
export type Size = { readonly width: number; readonly height: number };

/** Size of a descriptor grid in cells. */
export type GridSize = { readonly height: number; readonly width: number };

/**
 * Position along one side of a descriptor grid, in cells with centres at integers, of a position in pixels with
 * centres at integers: cell i covers the pixels from i / cells to (i + 1) / cells of the side. It also leads from one
 * grid, or one size of a picture, to another.
 */
export const cellsFromPixels = (position: number, pixels: number, cells: number): number =>
	((position + 0.5) * cells) / pixels - 0.5;

/** The inverse of {@link cellsFromPixels}. */
export const pixelsFromCells = (position: number, pixels: number, cells: number): number =>
	((position + 0.5) * pixels) / cells - 0.5;

/** The cell that each pixel's centre lies in. */
export const cellsOfPixels = (pixels: number, cells: number): Int32Array =>
	Int32Array.from({ length: pixels }, (_, pixel) => Math.floor(((pixel + 0.5) * cells) / pixels));
