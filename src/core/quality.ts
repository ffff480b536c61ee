/** How much work a run may cost; see docs/speed.md for what each costs and gives. */
export const qualities = ['fast', 'balanced', 'best'] as const;
export type Quality = (typeof qualities)[number];
