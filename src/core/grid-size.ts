/** Size of a descriptor grid in cells. */
export type GridSize = { readonly height: number; readonly width: number };
