import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import { pairOfListSchema } from '../../media/annotated-pairs.js';
import { boxAround, type KeypointPair } from './keypoint-pair.js';

/** The released annotation files of the paper (`annotations/spair_71k_test-360.json`), with the truth. */
const listSchema = z.array(
	pairOfListSchema.extend({
		target_points: z.array(z.tuple([z.number(), z.number()])),
		category: z.string().default('all'),
		target_bounding_box: z.tuple([z.number(), z.number(), z.number(), z.number()]).optional(),
	}),
);

/** Folders, below a data set's root, that the paths of a list may be relative to. */
const IMAGE_FOLDERS = ['images', 'JPEGImages', '.'];

/**
 * Pairs from a list in the format of the paper's released ones.
 *
 * @throws UserError when the list cannot be read or its images are not under the root
 */
export const readPairList = async (path: string, root: string): Promise<KeypointPair[]> => {
	const parsed = listSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
	const [first] = parsed.success ? parsed.data : [];
	if (!parsed.success || first === undefined) {
		throw new UserError(`"${path}" is not a list of pairs; expected the format of the paper's annotations.`);
	}
	const images = IMAGE_FOLDERS.map((folder) => join(root, folder)).find((folder) =>
		existsSync(join(folder, first.source_path)),
	);
	if (images === undefined) {
		throw new UserError(
			`"${path}" names ${first.source_path}, which is not under "${root}"; give the folder that holds the images.`,
		);
	}
	return parsed.data.map((pair) => ({
		category: pair.category,
		source: { path: join(images, pair.source_path), points: pair.source_points },
		target: {
			path: join(images, pair.target_path),
			points: pair.target_points,
			box: pair.target_bounding_box ?? boxAround(pair.target_points),
		},
	}));
};
