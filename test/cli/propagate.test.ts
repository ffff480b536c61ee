import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { objectIds } from '../../src/core/frame.js';
import { readLabelMap } from '../../src/media/label-map.js';
import { runCli as propagate, quickCliPath, records, sample } from '../helpers/cli.js';
import { ffmpeg } from '../helpers/ffmpeg.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/** Intersection over union of one object in two masks. */
const overlap = async (a: string, b: string, id: number): Promise<number> => {
	const [first, second] = [await readLabelMap(a), await readLabelMap(b)];
	let [both, either] = [0, 0];
	first.ids.forEach((value, pixel) => {
		const other = second.ids[pixel] === id;
		both += Number(value === id && other);
		either += Number(value === id || other);
	});
	return both / either;
};

describe('propagate <clip> --mask <png>', () => {
	it('writes a mask for every frame, with the ids of the painted one, and an overlay', async () => {
		const folder = temporaryFolder();
		const { code, stdout, stderr } = await propagate([
			...[sample('birds/clip.mp4'), '--mask', sample('birds/first.png'), '--end', '6', '--json'],
			...['-o', join(folder, 'masks'), '-o', join(folder, 'overlay.mp4')],
		]);
		expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
		expect(readdirSync(folder).sort()).toEqual(['masks', 'overlay.mp4']);
		const names = readdirSync(join(folder, 'masks')).filter((name) => name.endsWith('.png'));
		expect(names.sort()).toEqual([
			'00000.png',
			'00001.png',
			'00002.png',
			'00003.png',
			'00004.png',
			'00005.png',
		]);

		const first = await readLabelMap(join(folder, 'masks/00000.png'));
		expect(first).toEqual(await readLabelMap(sample('birds/first.png')));
		const last = await readLabelMap(join(folder, 'masks/00005.png'));
		expect(last.palette).toEqual(first.palette);
		expect(objectIds(last)).toEqual([1, 2, 3]);
		for (const id of [1, 2, 3]) {
			const truth = sample('birds/truth/00005.png');
			expect(await overlap(join(folder, 'masks/00005.png'), truth, id)).toBeGreaterThan(0.75);
		}

		const all = records(stdout);
		const progress = all.filter(({ type }) => type === 'progress');
		expect(progress.map(({ frame }) => frame)).toEqual([0, 1, 2, 3, 4, 5]);
		expect(progress.every(({ total }) => total === 6)).toBe(true);
		for (const { confidence } of progress) {
			expect(confidence).toBeGreaterThan(0);
			expect(confidence).toBeLessThanOrEqual(1);
		}
		expect(all.at(-1)).toMatchObject({ type: 'done', frames: 6, objects: 3, model: 'propagate-small' });
	});

	it("runs with flags of node's engine, which its threads may not be given again", async () => {
		const args = [sample('birds/clip.mp4'), '--mask', sample('birds/first.png'), '--end', '2'];
		const nodeFlags = ['--max-old-space-size=1000', '--stack-trace-limit=20'];
		const { code, stderr } = await propagate([...args, '-o', join(temporaryFolder(), 'masks')], {
			nodeFlags,
			program: quickCliPath,
		});
		expect(stderr).not.toMatch(/error/i);
		expect(code).toBe(0);
	});

	it('gives the same masks for a folder of frames as for the video they come from', async () => {
		const folder = temporaryFolder();
		mkdirSync(join(folder, 'frames'));
		await ffmpeg('-i', sample('birds/clip.mp4'), '-vframes', '4', join(folder, 'frames/%03d.png'));
		const mask = ['--mask', sample('birds/first.png'), '--quiet'];
		const quick = { program: quickCliPath };
		await propagate([sample('birds/clip.mp4'), ...mask, '--end', '4', '-o', join(folder, 'a')], quick);
		await propagate([join(folder, 'frames'), ...mask, '-o', join(folder, 'b')], quick);
		for (const id of [1, 2, 3]) {
			const [a, b] = ['a', 'b'].map((run) => join(folder, run, '00003.png')) as [string, string];
			expect(await overlap(a, b, id)).toBeGreaterThan(0.97);
		}
	});

	it('prints help for wrong usage and exits with 2', async () => {
		const unknown = await propagate(['clip.mp4', '--no-such-option']);
		expect(unknown.code).toBe(2);
		expect(unknown.stderr).toContain('--no-such-option');
		const help = await propagate(['--help']);
		expect(help.code).toBe(0);
		expect(help.stdout).toContain('--mask');
	});
});
