/** A row of a table in Markdown. */
export const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** Head of a table: the first column is text, the others are numbers. */
export const head = (...titles: readonly string[]): string =>
	`${row(...titles)}\n${row('---', ...titles.slice(1).map(() => '---:'))}`;

export const median = (numbers: readonly number[]): number =>
	[...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

export const mean = (numbers: readonly number[]): number =>
	numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

/** Smallest and largest. */
export const spread = (numbers: readonly number[], digits = 3): string =>
	`${Math.min(...numbers).toFixed(digits)} to ${Math.max(...numbers).toFixed(digits)}`;

/** CPU milliseconds of one stage of a frame; the name is "stage: who does it". */
export type StageCost = {
	readonly name: string;
	readonly median: number;
	readonly low: number;
	readonly high: number;
};

/** A peer that could not be measured, and why. */
export type MissingPeer = { readonly name: string; readonly missing: string };
