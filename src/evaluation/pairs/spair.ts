import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import { spairAnnotationSchema } from '../../media/annotated-pairs.js';
import type { KeypointPair } from './keypoint-pair.js';
import { readPairList } from './pair-list.js';

/** With the truth. */
const pairSchema = spairAnnotationSchema.extend({
	trg_kps: z.array(z.tuple([z.number(), z.number()])),
	trg_bndbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
});

/** Lists that are taken when they lie in the root: the paper's 360 test pairs first. */
const LISTS = ['spair_71k_test-360.json', 'annotations/spair_71k_test-360.json', 'pairs.json'];

/**
 * SPair-71k (Min et al. 2019): the paper's list of pairs when it lies in the root, else all test pairs of
 * `PairAnnotation/test`, in the order of their categories.
 */
export const spairPairs = async (root: string): Promise<KeypointPair[]> => {
	const list = LISTS.map((name) => join(root, name)).find(existsSync);
	if (list !== undefined) {
		return readPairList(list, root);
	}
	const folder = join(root, 'PairAnnotation', 'test');
	const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'));
	if (names.length === 0) {
		throw new UserError(
			`"${root}" is not SPair-71k; expected PairAnnotation/test and JPEGImages in it, or a list of pairs (${LISTS.join(', ')}).`,
		);
	}
	const pairs = await Promise.all(
		names
			.sort()
			.map(async (name) => pairSchema.parse(JSON.parse(await readFile(join(folder, name), 'utf8')))),
	);
	const imagePath = (category: string, name: string) => join(root, 'JPEGImages', category, name);
	return pairs
		.map((pair) => ({
			category: pair.category,
			source: { path: imagePath(pair.category, pair.src_imname), points: pair.src_kps },
			target: {
				path: imagePath(pair.category, pair.trg_imname),
				points: pair.trg_kps,
				box: pair.trg_bndbox,
			},
		}))
		.sort((a, b) => (a.category < b.category ? -1 : a.category > b.category ? 1 : 0));
};
