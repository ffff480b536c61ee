/** `fast` runs a CPU's 8-bit graph where the model has one; everything else is as the model was trained. */
export const precisions = ['full', 'fast'] as const;
export type Precision = (typeof precisions)[number];
