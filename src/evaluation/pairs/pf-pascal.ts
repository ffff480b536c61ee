import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UserError } from '../../core/errors.js';
import { parseMat } from '../mat-file.js';
import { type Box, boxAround, type KeypointPair } from './keypoint-pair.js';
import { firstExisting, imageUnder, readPairCsv } from './pair-csv.js';

const LISTS = ['test_pairs_pf_pascal.csv', 'test_pairs.csv'];

/** The classes of PASCAL VOC in the order in which the lists number them, from 1. */
const CLASSES = [
	...['aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow'],
	...[
		'diningtable',
		'dog',
		'horse',
		'motorbike',
		'person',
		'pottedplant',
		'sheep',
		'sofa',
		'train',
		'tvmonitor',
	],
];

/**
 * PF-PASCAL (Ham et al. 2018): the literature's list of test pairs (`test_pairs_pf_pascal.csv`), images in
 * `JPEGImages`, boxes from `Annotations/CLASS/NAME.mat`; where there is none, the box around the target's points.
 */
export const pfPascalPairs = async (root: string): Promise<KeypointPair[]> => {
	const list = firstExisting(root, LISTS);
	if (list === undefined) {
		throw new UserError(
			`"${root}" is not PF-PASCAL; expected JPEGImages, Annotations and ${LISTS[0]} in it.`,
		);
	}
	const pairs = await readPairCsv(list);
	return Promise.all(
		pairs.map(async (pair): Promise<KeypointPair> => {
			const category = CLASSES[Number(pair.label) - 1] ?? 'all';
			return {
				category,
				source: { path: imageUnder(root, pair.source), points: pair.sourcePoints },
				target: {
					path: imageUnder(root, pair.target),
					points: pair.targetPoints,
					box: (await annotatedBox(root, category, pair.target)) ?? boxAround(pair.targetPoints),
				},
			};
		}),
	);
};

const annotatedBox = async (root: string, category: string, image: string): Promise<Box | undefined> => {
	const path = join(root, 'Annotations', category, basename(image).replace(/\.\w+$/, '.mat'));
	if (!existsSync(path)) {
		return undefined;
	}
	const [left, top, right, bottom] = parseMat(await readFile(path), path).get('bbox')?.data ?? [];
	return left === undefined || top === undefined || right === undefined || bottom === undefined
		? undefined
		: [left, top, right, bottom];
};
