import { markdownTable } from './pairs/score-tables.js';

/** What a row of the paper's tables is made from; `other` cannot be run here (DINO, DHPF, CATS++). */
export type MethodKind =
	| 'full'
	| 'one-step'
	| 'sd2'
	| 'layer-4'
	| 'concat-all'
	| 'layer-pruned'
	| 'pruned'
	| 'stopped-1'
	| 'stopped-5'
	| 'stopped-10'
	| 'other';

/** A measured or printed value; undefined when there is none. */
type Value = string | undefined;

/** A row of a table: printed in the paper, or measured here. */
export type TableRow = {
	readonly name: string;
	readonly kind: MethodKind;
	/** As many as the table has columns. */
	readonly values: readonly Value[];
};

export type PaperTable = {
	readonly number: 1 | 2 | 3 | 4;
	readonly title: string;
	readonly columns: readonly string[];
	readonly rows: readonly TableRow[];
};

const row = (name: string, kind: MethodKind, ...values: Value[]): TableRow => ({ name, kind, values });

/** The paper's tables as printed (arXiv 2305.14334): PCK@0.1 in percent, over points. */
export const paperTables: readonly PaperTable[] = [
	{
		number: 1,
		title: 'Semantic keypoint matching on SPair-71k and CUB',
		columns: ['SPair img', 'SPair bbox', 'CUB img', 'CUB bbox'],
		rows: [
			row('DINO', 'other', '51.68', '41.04', '72.72', '55.90'),
			row('DINOv2', 'other', '68.33', '56.98', '89.96', '76.83'),
			row('DHPF', 'other', '55.28', '42.63', '77.30', '61.42'),
			row('CATS++', 'other', '70.26', '57.06', '75.92', '59.49'),
			row('SD-Layer-4', 'layer-4', '58.80', '46.58', '78.43', '61.22'),
			row('SD-Concat-All', 'concat-all', '52.12', '41.83', '70.22', '54.05'),
			row('Ours', 'full', '72.56', '64.61', '82.29', '69.42'),
			row('Ours-One-Step', 'one-step', '63.74', '54.69', '76.59', '62.11'),
			row('SD-Layer-Pruned', 'layer-pruned', '57.69', '48.16', '80.67', '67.21'),
			row('Ours-Pruned', 'pruned', '64.02', '53.74', '79.10', '63.95'),
			row('Ours-SDv2-1', 'sd2', '70.74', '64.85', '80.39', '68.04'),
		],
	},
	{
		number: 2,
		title: 'Memory and time on SPair-71k',
		columns: ['SPair img', 'memory per descriptor', 'time per pair'],
		rows: [
			row('DINO', 'other', '51.68', '75 MB', '3.02 s'),
			row('DINOv2', 'other', '68.33', '75 MB', '2.99 s'),
			row('SD-Layer-4', 'layer-4', '58.80', '10 MB', '0.33 s'),
			row('SD-Concat-All', 'concat-all', '52.12', '1.8 GB', '0.87 s'),
			row('Ours - One-Step', 'one-step', '63.74', '6 MB', '0.27 s'),
			row('Ours (1 Timestep)', 'stopped-1', '64.61', '6 MB', '0.28 s'),
			row('Ours (5 Timesteps)', 'stopped-5', '69.28', '6 MB', '0.86 s'),
			row('Ours (10 Timesteps)', 'stopped-10', '72.00', '6 MB', '1.60 s'),
			row('Ours (50 Timesteps)', 'full', '72.56', '6 MB', '6.62 s'),
		],
	},
	{
		number: 3,
		title: 'PF-PASCAL and PF-WILLOW',
		columns: ['PASCAL img', 'PASCAL bbox', 'WILLOW img', 'WILLOW bbox'],
		rows: [
			row('DINOv2', 'other', '84.30', '78.99', '86.64', '71.34'),
			row('CATS++', 'other', '68.02', '62.96', '78.87', '66.09'),
			row('Ours', 'full', '86.67', '82.85', '89.61', '77.98'),
		],
	},
	{
		number: 4,
		title: 'Aggregation of other backbones, on SPair-71k',
		columns: ['SPair img', 'SPair bbox'],
		rows: [
			row('DINO', 'other', '51.68', '41.04'),
			row('DINO - Concat All', 'other', '20.17', '13.60'),
			row('DINO + Aggregation Network', 'other', '54.69', '44.29'),
			row('DINOv2', 'other', '60.14', '46.94'),
			row('DINOv2 - Concat All', 'other', '60.89', '47.69'),
			row('DINOv2 + Aggregation Network', 'other', '68.37', '56.35'),
			row('SD-Layer-4', 'layer-4', '58.80', '46.58'),
			row('SD-Concat-All', 'concat-all', '52.12', '41.83'),
			row('Ours', 'full', '72.56', '64.61'),
		],
	},
];

/**
 * A table with the measured rows first and the paper's own below, and the names of the paper's rows that nothing here
 * was measured for.
 */
export const tableText = (table: PaperTable, measured: readonly TableRow[]): string => {
	const covered = new Set(measured.map(({ kind }) => kind));
	const leftOut = table.rows.filter(({ kind }) => kind === 'other' || !covered.has(kind));
	const line = ({ name, values }: TableRow, origin: string): string[] => [
		name,
		origin,
		...values.map((value) => value ?? '-'),
	];
	return [
		`Table ${table.number}: ${table.title}`,
		'',
		markdownTable(
			['method', 'numbers', ...table.columns],
			[
				...measured.map((one) => line(one, 'measured here')),
				...table.rows.map((one) => line(one, "the paper's")),
			],
		),
		'',
		`Not run here: ${leftOut.map(({ name }) => name).join(', ') || 'nothing is left out'}.`,
	].join('\n');
};
