import type { FlowMethodScore } from './evaluate-flow.js';
import type { KeypointScore, MethodScore } from './evaluate-keypoints.js';

const percent = (share: number): string => (100 * share).toFixed(1);
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** A table in Markdown; all columns but the first are numbers. */
export const markdownTable = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
	[row(header), row(header.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(row)].join('\n');

/** PCK@0.1 of every method, then of each category; over points as the paper reports it, and over images. */
export const keypointTable = (scores: readonly MethodScore[]): string => {
	const cells = ({ image, box }: KeypointScore): string[] => [
		percent(image.perPoint),
		percent(box.perPoint),
		percent(image.perImage),
		percent(box.perImage),
		`${image.pairs}`,
		`${image.points}`,
	];
	return markdownTable(
		['PCK@0.1', 'img', 'bbox', 'img, per image', 'bbox, per image', 'pairs', 'points'],
		scores.flatMap((score) => [
			[`**${score.method}**`, ...cells(score)],
			...Object.entries(score.categories).map(([name, category]) => [`${name}`, ...cells(category)]),
		]),
	);
};

/** Flow accuracy of every method, then of each category. */
export const flowTable = (scores: readonly FlowMethodScore[]): string =>
	markdownTable(
		['TSS', 'accuracy (T = 5 %)', 'mean error, px', 'pairs'],
		scores.flatMap((score) => [
			[`**${score.method}**`, percent(score.accuracy), score.endPointError.toFixed(1), `${score.pairs}`],
			...Object.entries(score.categories).map(([name, { accuracy, endPointError, pairs }]) => [
				name,
				percent(accuracy),
				endPointError.toFixed(1),
				`${pairs}`,
			]),
		]),
	);
