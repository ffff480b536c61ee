import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../core/errors.js';
import type { Point } from '../../core/point.js';
import { parseMat } from '../mat-file.js';
import { boxAround, type KeypointPair } from './keypoint-pair.js';
import { firstExisting, imageUnder, readPairCsv } from './pair-csv.js';

const LISTS = ['test_pairs.csv', 'test_pairs_pf.csv'];

/**
 * PF-WILLOW (Ham et al. 2016): the literature's list of pairs when it lies in the root, else every ordered pair of a
 * class, from `CLASS/NAME.png` and `CLASS/NAME.mat` (`pts_coord`, 2 x 10). There are no boxes; the box around the
 * target's points stands for them, as in the literature.
 */
export const pfWillowPairs = async (root: string): Promise<KeypointPair[]> => {
	const list = firstExisting(root, LISTS);
	if (list !== undefined) {
		return (await readPairCsv(list)).map((pair) => ({
			category: pair.folder,
			source: { path: imageUnder(root, pair.source), points: pair.sourcePoints },
			target: {
				path: imageUnder(root, pair.target),
				points: pair.targetPoints,
				box: boxAround(pair.targetPoints),
			},
		}));
	}
	const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
	const pairs: KeypointPair[] = [];
	for (const category of entries
		.filter((entry) => entry.isDirectory())
		.map(({ name }) => name)
		.sort()) {
		const images = await imagesOf(join(root, category));
		for (const source of images) {
			for (const target of images.filter((image) => image !== source)) {
				pairs.push({ category, source, target: { ...target, box: boxAround(target.points) } });
			}
		}
	}
	if (pairs.length === 0) {
		throw new UserError(
			`"${root}" is not PF-WILLOW; expected CLASS/NAME.png and CLASS/NAME.mat in it, or a list ${LISTS[0]}.`,
		);
	}
	return pairs;
};

const imagesOf = async (folder: string): Promise<{ path: string; points: Point[] }[]> => {
	const names = (await readdir(folder)).sort();
	const images = await Promise.all(
		names
			.filter((name) => name.endsWith('.mat'))
			.map(async (name) => {
				const path = join(folder, name);
				const points = parseMat(await readFile(path), path).get('pts_coord');
				const image = names.find((other) => other === name.replace(/mat$/, 'png'));
				if (points === undefined || points.rows !== 2 || image === undefined) {
					return [];
				}
				const at = (row: number, column: number) => points.data[column * 2 + row]!;
				return [
					{
						path: join(folder, image),
						points: Array.from({ length: points.columns }, (_, i) => [at(0, i), at(1, i)] as const),
					},
				];
			}),
	);
	return images.flat();
};
