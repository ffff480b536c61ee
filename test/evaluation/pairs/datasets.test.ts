import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cubPairs } from '../../../src/evaluation/pairs/cub.js';
import { spreadOver } from '../../../src/evaluation/pairs/keypoint-pair.js';
import { pfPascalPairs } from '../../../src/evaluation/pairs/pf-pascal.js';
import { pfWillowPairs } from '../../../src/evaluation/pairs/pf-willow.js';
import { spairPairs } from '../../../src/evaluation/pairs/spair.js';
import { tssPairs } from '../../../src/evaluation/pairs/tss.js';
import { shared, sharedAvailable } from '../../helpers/shared.js';
import { temporaryFolder } from '../../helpers/temporary-folder.js';
import { matFile } from './mat-writer.js';

/** A folder with these files; objects become JSON. */
const folderWith = (files: Readonly<Record<string, string | Uint8Array | object>>): string => {
	const root = temporaryFolder();
	for (const [name, content] of Object.entries(files)) {
		const path = join(root, name);
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(
			path,
			typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content),
		);
	}
	return root;
};

describe('SPair-71k', () => {
	const annotation = {
		src_imname: 'a.jpg',
		trg_imname: 'b.jpg',
		src_kps: [[1, 2]],
		trg_kps: [[3, 4]],
		trg_bndbox: [0, 0, 10, 20],
		category: 'cat',
	};

	it('in its own layout', async () => {
		const root = folderWith({
			'PairAnnotation/test/1.json': annotation,
			'PairAnnotation/test/0.json': { ...annotation, category: 'dog' },
		});
		const pairs = await spairPairs(root);
		expect(pairs.map(({ category }) => category)).toEqual(['cat', 'dog']);
		expect(pairs[0]).toEqual({
			category: 'cat',
			source: { path: join(root, 'JPEGImages/cat/a.jpg'), points: [[1, 2]] },
			target: { path: join(root, 'JPEGImages/cat/b.jpg'), points: [[3, 4]], box: [0, 0, 10, 20] },
		});
	});

	it("with the paper's list", async () => {
		const root = folderWith({
			'spair_71k_test-360.json': [
				{
					source_path: 'cat/a.jpg',
					target_path: 'cat/b.jpg',
					source_points: [[1, 2]],
					target_points: [[3, 4]],
					target_bounding_box: [0, 0, 10, 20],
				},
			],
			'JPEGImages/cat/a.jpg': '',
		});
		const [pair] = await spairPairs(root);
		expect(pair?.target.path).toBe(join(root, 'JPEGImages/cat/b.jpg'));
	});

	it('is refused with what is expected', async () => {
		await expect(spairPairs(temporaryFolder())).rejects.toThrow(/PairAnnotation\/test/);
	});
});

describe('PF-WILLOW', () => {
	it('is every ordered pair of a class, measured by the box around the points', async () => {
		const points = matFile({ pts_coord: { rows: 2, values: [10, 20, 30, 60] } });
		const root = folderWith({
			'car(G)/a.mat': points,
			'car(G)/a.png': '',
			'car(G)/b.mat': matFile({ pts_coord: { rows: 2, values: [1, 2, 3, 4] } }),
			'car(G)/b.png': '',
			'duck(S)/c.mat': points,
			'duck(S)/c.png': '',
		});
		const pairs = await pfWillowPairs(root);
		expect(pairs).toHaveLength(2);
		expect(pairs[1]).toEqual({
			category: 'car(G)',
			source: {
				path: join(root, 'car(G)/b.png'),
				points: [
					[1, 2],
					[3, 4],
				],
			},
			target: {
				path: join(root, 'car(G)/a.png'),
				points: [
					[10, 20],
					[30, 60],
				],
				box: [10, 20, 30, 60],
			},
		});
	});

	it('follows the list of the literature where there is one', async () => {
		const header = 'imageA,imageB,XA1,XA2,YA1,YA2,XB1,XB2,YB1,YB2';
		const root = folderWith({
			'test_pairs.csv': `${header}\nPF-dataset/car(G)/a.png,PF-dataset/car(G)/b.png,1,2,3,4,5,6,7,8\n`,
			'car(G)/a.png': '',
			'car(G)/b.png': '',
		});
		const [pair] = await pfWillowPairs(root);
		expect(pair?.source).toEqual({
			path: join(root, 'car(G)/a.png'),
			points: [
				[1, 3],
				[2, 4],
			],
		});
		expect(pair?.target.points).toEqual([
			[5, 7],
			[6, 8],
		]);
		expect(pair?.category).toBe('car(G)');
	});
});

describe('PF-PASCAL', () => {
	it('follows the list, with the boxes of the annotations', async () => {
		const root = folderWith({
			'test_pairs_pf_pascal.csv':
				'source_image,target_image,class,XA,YA,XB,YB\nPF-dataset-PASCAL/JPEGImages/a.jpg,PF-dataset-PASCAL/JPEGImages/b.jpg,8,1;2,3;4,5;6,7;8\n',
			'JPEGImages/a.jpg': '',
			'JPEGImages/b.jpg': '',
			'Annotations/cat/b.mat': matFile({ bbox: { rows: 1, values: [1, 2, 30, 40] } }),
		});
		const [pair] = await pfPascalPairs(root);
		expect(pair).toEqual({
			category: 'cat',
			source: {
				path: join(root, 'JPEGImages/a.jpg'),
				points: [
					[1, 3],
					[2, 4],
				],
			},
			target: {
				path: join(root, 'JPEGImages/b.jpg'),
				points: [
					[5, 7],
					[6, 8],
				],
				box: [1, 2, 30, 40],
			},
		});
	});
});

describe('CUB', () => {
	it('draws pairs from the test split, with the parts that both show', async () => {
		const root = folderWith({
			'images.txt': '1 x/a.jpg\n2 x/b.jpg\n3 y/c.jpg\n',
			'train_test_split.txt': '1 0\n2 0\n3 1\n',
			'bounding_boxes.txt': '1 10.0 20.0 30.0 40.0\n2 0 0 5 5\n3 0 0 5 5\n',
			'parts/part_locs.txt': '1 1 11 22 1\n1 2 0 0 0\n1 3 12 23 1\n2 1 1 2 1\n2 2 3 4 1\n3 1 1 1 1\n',
		});
		const pairs = await cubPairs(root);
		expect(pairs).toHaveLength(360);
		const toFirst = pairs.find(({ target }) => target.path.endsWith('a.jpg'));
		expect(toFirst).toEqual({
			category: 'bird',
			source: { path: join(root, 'images/x/b.jpg'), points: [[1, 2]] },
			target: { path: join(root, 'images/x/a.jpg'), points: [[11, 22]], box: [10, 20, 40, 60] },
		});
		expect(await cubPairs(root)).toEqual(pairs);
	});
});

describe('TSS', () => {
	it('is found in one level and in two', async () => {
		const root = folderWith({
			'FG3DCar_1/flow1.flo': '',
			'FG3DCar_1/flip_gt.txt': '1\n',
			'PASCAL/cat_1/flow1.flo': '',
		});
		const pairs = await tssPairs(root);
		expect(pairs.map(({ name, category, flipped }) => [name, category, flipped])).toEqual([
			['FG3DCar_1', 'FG3DCar', true],
			['cat_1', 'PASCAL', false],
		]);
	});
});

describe('a part of a set', () => {
	it('is spread over it', () => {
		expect(spreadOver([...'aaabbbccc'], 3)).toEqual(['a', 'b', 'c']);
		expect(spreadOver([1, 2], 5)).toEqual([1, 2]);
	});
});

describe.skipIf(!sharedAvailable)('the sets in ../shared', () => {
	it('are read whole', async () => {
		const willow = await pfWillowPairs(shared('data', 'pairs', 'pf-willow'));
		expect(willow).toHaveLength(2 * 10 * 9);
		expect(willow[0]?.source.points).toHaveLength(10);
		expect(willow[0]?.source.points[0]?.[0]).toBeCloseTo(47.93528, 4);
		expect(await spairPairs(shared('data', 'pairs', 'spair-val'))).toHaveLength(101);
		expect(await tssPairs(shared('data', 'pairs', 'tss'))).toHaveLength(1);
	});
});
