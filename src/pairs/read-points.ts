import { extname } from 'node:path';
import Papa from 'papaparse';
import { messageOf, UserError } from '../core/errors.js';
import { readGivenText } from '../core/given-file.js';
import { type NamedPoints, namedPointsFrom } from './named-points.js';

/**
 * Points as given on the command line: JSON text, or the name of a `.json` or `.csv` file (columns `x,y` and perhaps
 * `name`, or two columns without a header).
 *
 * @param option that they were given with
 */
export const readPoints = async (textOrPath: string, option = '--points'): Promise<NamedPoints> => {
	const trimmed = textOrPath.trim();
	if (trimmed.startsWith('[') || trimmed.startsWith('{')) {
		return namedPointsFrom(parseJson(trimmed, option), option);
	}
	const where = `"${textOrPath}"`;
	const text = await readGivenText(textOrPath, `The file of points ${where}`);
	return extname(textOrPath).toLowerCase() === '.csv'
		? pointsFromCsv(text, where)
		: namedPointsFrom(parseJson(text, where), where);
};

const parseJson = (text: string, where: string): unknown => {
	try {
		return JSON.parse(text);
	} catch (error) {
		throw new UserError(`${where} is not valid JSON (${messageOf(error)}).`);
	}
};

const pointsFromCsv = (text: string, where: string): NamedPoints => {
	const rows = Papa.parse<string[]>(text.trim(), { skipEmptyLines: 'greedy' }).data;
	const first = rows[0]?.map((cell) => cell.trim().toLowerCase()) ?? [];
	const hasHeader = first.includes('x') && first.includes('y');
	const [x, y, name] = hasHeader
		? [first.indexOf('x'), first.indexOf('y'), first.indexOf('name')]
		: [0, 1, -1];
	const points = rows.slice(hasHeader ? 1 : 0).map((row, index) => {
		const at = [row[x], row[y]].map((cell) =>
			cell === undefined || cell.trim() === '' ? Number.NaN : Number(cell),
		);
		if (at.some((value) => !Number.isFinite(value))) {
			throw new UserError(
				`Line ${index + (hasHeader ? 2 : 1)} of ${where} is not a point; expected columns x,y or x,y,name.`,
			);
		}
		return { x: at[0], y: at[1], ...(row[name] ? { name: row[name] } : {}) };
	});
	return namedPointsFrom(points, where);
};
