import type { DavisScore } from './evaluate-davis.js';
import type { Statistics } from './statistics.js';

/**
 * The scores as a table in Markdown, one row a sequence and one for the mean over objects; values are percentages, as
 * the literature prints them.
 */
export const davisTable = (score: DavisScore): string => {
	const rows = [...score.sequences, { ...score, name: 'mean over objects' }].map(
		({ name, j, f, jAndF, frames, seconds }) =>
			[name, percent(jAndF), ...cells(j), ...cells(f), (frames / seconds).toFixed(1)].join(' | '),
	);
	return [
		'| sequence | J&F | J mean | J recall | J decay | F mean | F recall | F decay | frames/s |',
		'| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
		...rows.map((row) => `| ${row} |`),
	].join('\n');
};

const cells = ({ mean, recall, decay }: Statistics): string[] => [mean, recall, decay].map(percent);

const percent = (share: number): string => (100 * share).toFixed(1);
