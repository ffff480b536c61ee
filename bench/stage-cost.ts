/** CPU milliseconds of one stage of a frame; the name is "stage: who does it". */
export type StageCost = {
	readonly name: string;
	readonly median: number;
	readonly low: number;
	readonly high: number;
};

/** A peer that could not be measured, and why. */
export type MissingPeer = { readonly name: string; readonly missing: string };
