/** `smooth`: between cells, keeps texture together. `paper`: the nearest source pixel for each target pixel. */
export const warpModes = ['smooth', 'paper'] as const;
export type WarpMode = (typeof warpModes)[number];
