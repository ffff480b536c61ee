import { mean } from '../../src/evaluation/statistics.js';
import { groups, NO_REFINEMENT, REFERENCE, type Row } from './rows.js';

/** What a row gave on one sequence; costs are CPU milliseconds a frame. */
export type Measured = {
	readonly row: string;
	readonly sequence: string;
	/** 0..1 */
	readonly j: number;
	readonly f: number;
	readonly frames: number;
	readonly inversion: number;
	readonly matching: number;
	readonly refinement: number;
};

type MeasuredRow = { readonly row: Row; readonly measured: readonly Measured[] };

const percent = (share: number): string => (100 * share).toFixed(1);
const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const header = (cells: readonly string[]): string =>
	`${line(cells)}\n${line(cells.map((_, i) => (i === 0 ? '---' : '---:')))}`;

/** DAVIS 2016 has one object a sequence, so that the mean over sequences is that over objects. */
const means = (measured: readonly Measured[]) => {
	const frames = measured.reduce((sum, { frames }) => sum + frames, 0);
	const perFrame = (pick: (one: Measured) => number): number =>
		measured.reduce((sum, one) => sum + pick(one) * one.frames, 0) / frames;
	const [j, f] = [mean(measured.map((one) => one.j)), mean(measured.map((one) => one.f))];
	return {
		...{ j, f, jAndF: (j + f) / 2 },
		costs: [
			perFrame((one) => one.inversion),
			perFrame((one) => one.matching),
			perFrame((one) => one.refinement),
		],
	};
};

/** A table for each group, and J&F of each sequence with and without refinement. */
export const printTables = (rows: readonly MeasuredRow[]): void => {
	for (const [group, title] of Object.entries(groups)) {
		const ofGroup = rows.filter(({ row }) => row.group === group);
		if (ofGroup.length === 0) {
			continue;
		}
		const sequences = ofGroup[0]?.measured.map(({ sequence }) => sequence).join(', ');
		console.log(`**${title}** (${sequences})\n`);
		console.log(header(['', 'J&F', 'J', 'F', 'inversion ms', 'matching ms', 'refinement ms']));
		for (const { row, measured } of ofGroup) {
			const { jAndF, j, f, costs } = means(measured);
			console.log(
				line([
					row.name,
					...[jAndF, j, f].map(percent),
					...costs.map((milliseconds) => milliseconds.toFixed(0)),
				]),
			);
		}
		console.log('');
	}
	printRefinement(rows);
};

const printRefinement = (rows: readonly MeasuredRow[]): void => {
	const [refined, plain] = [REFERENCE, NO_REFINEMENT].map((name) =>
		rows.find(({ row }) => row.name === name),
	);
	if (refined === undefined || plain === undefined) {
		return;
	}
	console.log('**Refinement** by sequence\n');
	console.log(header(['', 'J with', 'J without', 'F with', 'F without']));
	for (const [i, { sequence, j, f }] of refined.measured.entries()) {
		const without = plain.measured[i];
		console.log(line([sequence, ...[j, without?.j ?? 0, f, without?.f ?? 0].map(percent)]));
	}
};
