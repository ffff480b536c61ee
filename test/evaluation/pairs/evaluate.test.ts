import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { emptyFlow } from '../../../src/core/backward-flow.js';
import { flowError } from '../../../src/evaluation/pairs/evaluate-flow.js';
import { evaluateKeypoints } from '../../../src/evaluation/pairs/evaluate-keypoints.js';
import { keypointTable } from '../../../src/evaluation/pairs/score-tables.js';
import { paperTables, tableText } from '../../../src/evaluation/paper-tables.js';
import { evaluateKeypointPairs } from '../../../src/jobs/evaluate-pairs.js';
import { temporaryFolder } from '../../helpers/temporary-folder.js';
import { texture } from '../../helpers/textures.js';
import { writeTinyModel } from '../../helpers/tiny-model.js';

const writeTexture = async (path: string, width: number, height: number): Promise<string> => {
	const { data } = texture(width, height);
	await sharp(data, { raw: { width, height, channels: 3 } })
		.png()
		.toFile(path);
	return path;
};

describe('PCK of methods on pairs', { timeout: 300_000 }, () => {
	it('is measured in original pixels, by the image and by the box, over all and by category', async () => {
		const path = await writeTexture(join(temporaryFolder(), 'a.png'), 100, 60);
		const pair = (category: string, offset: number) => ({
			category,
			source: { path, points: [[10, 10]] as const },
			target: { path, points: [[10 + offset, 10]] as const, box: [0, 0, 40, 20] as const },
		});
		const [score] = await evaluateKeypoints({
			// 10 pixels of 100 are right by the image; 4 of 40 by the box.
			pairs: [pair('a', 4), pair('a', 10), pair('b', 10.1)],
			methods: [{ name: 'stays', find: async (_source, _target, points) => points }],
		});
		expect([score?.image.perPoint, score?.box.perPoint]).toEqual([2 / 3, 1 / 3]);
		expect(score?.categories.a?.image.perPoint).toBe(1);
		expect(score?.categories.b?.image.perPoint).toBe(0);
		expect(keypointTable(score === undefined ? [] : [score])).toContain('| **stays** | 66.7 | 33.3 |');
	});

	it('is 100 % between equal images for every way of matching, and for the raw layer', async () => {
		const folder = temporaryFolder();
		const model = await writeTinyModel(folder);
		await writeTexture(join(folder, 'a.png'), 130, 97);
		const points = [
			[3, 4],
			[60.5, 50.2],
			[129, 96],
		];
		const list = [
			{ source_path: 'a.png', target_path: 'a.png', source_points: points, target_points: points },
		];
		writeFileSync(join(folder, 'pairs.json'), JSON.stringify(list));
		const before = process.env.PROPAGATE_HOME;
		process.env.PROPAGATE_HOME = join(folder, 'home');
		try {
			for (const mode of ['smooth', 'nearest', 'paper'] as const) {
				const baselines = ['raw', 'place'] as const;
				const scores = await evaluateKeypointPairs({
					dataset: 'spair',
					root: folder,
					model,
					mode,
					baselines,
				});
				expect(scores.map(({ image }) => image.perPoint)).toEqual([1, 1, 1, 1]);
			}
		} finally {
			process.env.PROPAGATE_HOME = before;
		}
	});
});

describe('flow accuracy', () => {
	it('counts the pixels of the mask whose truth is known', () => {
		const [found, truth] = [emptyFlow({ width: 4, height: 1 }), emptyFlow({ width: 4, height: 1 })];
		truth.positions.set([0, 0, 1, 0, 2, 0, 3, 0]);
		truth.confidence.set([1, 1, 0, 1]);
		found.positions.set([3, 4, 1, 2, 99, 0, 99, 0]);
		expect(flowError(found, truth, Uint8Array.of(1, 1, 1, 0), 2)).toEqual({
			accuracy: 0.5,
			endPointError: 3.5,
		});
	});
});

describe("the paper's tables", () => {
	it('name what was not run', () => {
		const [table] = paperTables;
		const text =
			table === undefined
				? ''
				: tableText(table, [{ name: 'sd15', kind: 'full', values: ['72.1', '64.0', undefined, undefined] }]);
		expect(text).toContain('| sd15 | measured here | 72.1 | 64.0 | - | - |');
		expect(text).toContain("| Ours | the paper's | 72.56 | 64.61 | 82.29 | 69.42 |");
		expect(text).toMatch(/Not run here: DINO, DINOv2, DHPF, CATS\+\+, SD-Layer-4, .*Ours-One-Step/);
		expect(text).not.toMatch(/Not run here: .*Ours,/);
	});
});
