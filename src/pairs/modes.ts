/** `smooth`: between cells, keeps texture together. `paper`: the nearest source pixel for each target pixel. */
export const warpModes = ['smooth', 'paper'] as const;
export type WarpMode = (typeof warpModes)[number];

/**
 * How points are found. `smooth`: with the help of their surroundings. `nearest`: each on its own, between cells.
 * `paper`: exactly as the released code does it, which knows no masks.
 */
export const pointModes = ['smooth', 'nearest', 'paper'] as const;
export type PointMode = (typeof pointModes)[number];
