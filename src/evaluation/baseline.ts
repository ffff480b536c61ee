/**
 * What a model can be compared with. `raw`: its own features before any aggregation. `classical`: colour and gradient
 * histograms. `place`: no correspondence, every point stays at its place in the picture.
 */
export const baselineNames = ['raw', 'classical', 'place'] as const;
export type Baseline = (typeof baselineNames)[number];
