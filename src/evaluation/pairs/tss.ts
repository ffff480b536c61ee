import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../../core/errors.js';

/** A pair of TSS with its dense truth in both directions. */
export type TssPair = {
	readonly name: string;
	/** FG3DCar, JODS or PASCAL. */
	readonly category: string;
	readonly folder: string;
	/** The objects face opposite ways: the truth is that of a mirrored source. */
	readonly flipped: boolean;
};

/** One direction: `flow` leads from every pixel of `target` into `source`, inside `mask` of the target. */
export type TssDirection = {
	readonly source: string;
	readonly target: string;
	readonly flow: string;
	readonly mask: string;
};

export const tssDirections = ({ folder }: TssPair): TssDirection[] =>
	([1, 2] as const).map((target) => ({
		source: join(folder, `image${3 - target}.png`),
		target: join(folder, `image${target}.png`),
		flow: join(folder, `flow${target}.flo`),
		mask: join(folder, `mask${target}.png`),
	}));

/** TSS (Taniai et al. 2016): every folder with `flow1.flo` in it, in the root or one level below. */
export const tssPairs = async (root: string): Promise<TssPair[]> => {
	const folders = await pairFolders(root, 1);
	if (folders.length === 0) {
		throw new UserError(
			`"${root}" is not TSS; expected folders with image1.png, image2.png, flow1.flo and mask1.png in it.`,
		);
	}
	return Promise.all(
		folders.sort().map(async (folder) => ({
			name: basename(folder),
			category: categoryOf(folder, root),
			folder,
			flipped: (await readFile(join(folder, 'flip_gt.txt'), 'utf8').catch(() => '0')).trim() === '1',
		})),
	);
};

/** The set has a folder for each of its three sources; where they were put together, names begin with it. */
const categoryOf = (folder: string, root: string): string =>
	resolve(dirname(folder)) === resolve(root)
		? (basename(folder).split('_')[0] ?? 'all')
		: basename(dirname(folder));

const pairFolders = async (folder: string, levels: number): Promise<string[]> => {
	const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
	const inner = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
	const pairs = inner.filter((path) => existsSync(join(path, 'flow1.flo')));
	const others = inner.filter((path) => !pairs.includes(path));
	const deeper = levels > 0 ? await Promise.all(others.map((path) => pairFolders(path, levels - 1))) : [];
	return [...pairs, ...deeper.flat()];
};
