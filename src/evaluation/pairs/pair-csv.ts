import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import Papa from 'papaparse';
import type { Point } from '../../core/point.js';

/** A row of a pair list in CSV: two images and their points. */
type CsvPair = {
	readonly source: string;
	readonly target: string;
	/** The folder that the source lies in. */
	readonly folder: string;
	/** The column `class`, if there is one. */
	readonly label: string | undefined;
	readonly sourcePoints: readonly Point[];
	readonly targetPoints: readonly Point[];
};

/**
 * The pair lists that go with the Proposal Flow sets in the literature (weakalign, NCNet, CATs): the images first,
 * then the points either as `XA,YA,XB,YB` with values joined by semicolons (PF-PASCAL) or in columns of their own
 * `XA1…` (PF-WILLOW).
 */
export const readPairCsv = async (path: string): Promise<CsvPair[]> => {
	const { data } = Papa.parse<Record<string, string>>(await readFile(path, 'utf8'), {
		header: true,
		skipEmptyLines: 'greedy',
	});
	return data.map((row) => {
		const [source = '', target = ''] = Object.values(row);
		return {
			source,
			target,
			folder: basename(dirname(source)),
			label: row.class,
			sourcePoints: pointsOf(row, 'XA', 'YA'),
			targetPoints: pointsOf(row, 'XB', 'YB'),
		};
	});
};

const pointsOf = (row: Readonly<Record<string, string>>, xName: string, yName: string): Point[] => {
	const valuesOf = (name: string): number[] => {
		const joined = row[name];
		if (joined !== undefined) {
			return joined.split(';').filter(Boolean).map(Number);
		}
		return Object.keys(row)
			.filter((key) => new RegExp(`^${name}\\d+$`, 'i').test(key))
			.map((key) => Number(row[key]));
	};
	const [x, y] = [valuesOf(xName), valuesOf(yName)];
	return x.map((value, i) => [value, y[i] ?? Number.NaN] as const);
};

/** The image of a list, which may name it from the folder above the root. */
export const imageUnder = (root: string, name: string): string => {
	const parts = name.split('/');
	const found = parts.map((_, skipped) => join(root, ...parts.slice(skipped))).find(existsSync);
	return found ?? join(root, name);
};

/** The first of some files that is there. */
export const firstExisting = (root: string, names: readonly string[]): string | undefined =>
	names.map((name) => join(root, name)).find(existsSync);
