/** Size of an image in pixels. */
export type Size = { readonly width: number; readonly height: number };

/** Size of a descriptor grid in cells. */
export type GridSize = { readonly height: number; readonly width: number };
