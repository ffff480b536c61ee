import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { extractFrame } from '../../src/jobs/extract-frame.js';
import { readLabelMap } from '../../src/media/label-map.js';
import { cliPath, records, runCli, sample } from '../helpers/cli.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

vi.setConfig({ testTimeout: 120_000 });

const clip = sample('bear/clip.mp4');

/** How much of two masks is both's, of what is either's. */
const overlap = async (path: string): Promise<number> => {
	const [found, truth] = [await readLabelMap(path), await readLabelMap(sample('bear/first.png'))];
	let [both, either] = [0, 0];
	for (const [at, id] of truth.ids.entries()) {
		const isFound = found.ids[at] !== 0;
		both += isFound && id !== 0 ? 1 : 0;
		either += isFound || id !== 0 ? 1 : 0;
	}
	return both / either;
};

it('makes a mask from a box, or from some points or strokes on the object and beside it', async () => {
	const folder = temporaryFolder();
	const box = join(folder, 'box.png');
	const run = (...args: string[]) => runCli(['mask', clip, ...args], { program: cliPath });
	expect(await run('--box', '35,150,355,420', '-o', box)).toMatchObject({ code: 0 });
	expect(await overlap(box)).toBeGreaterThan(0.8);

	const points = join(folder, 'points.png');
	const hints = {
		object: [
			[180, 230],
			[120, 300],
			[290, 260],
			[200, 380],
			[70, 360],
		],
		background: [
			[420, 300],
			[300, 120],
			[120, 420],
		],
	};
	const { code, stdout } = await run('--points', JSON.stringify(hints), '-o', points, '--json');
	expect(code).toBe(0);
	expect(records(stdout)).toMatchObject([{ type: 'done', frame: 0, width: 854, height: 480 }]);
	expect(await overlap(points)).toBeGreaterThan(0.8);

	const strokes = join(folder, 'strokes.png');
	const lines = { object: [hints.object], background: hints.background.map((point) => [point]) };
	expect(await run('--strokes', JSON.stringify(lines), '-o', strokes)).toMatchObject({ code: 0 });
	expect(await overlap(strokes)).toBeGreaterThan(0.8);
});

it('takes a picture, and any frame', async () => {
	const folder = temporaryFolder();
	const picture = join(folder, 'frame.png');
	await extractFrame({ input: clip, at: '12', output: picture });
	const [a, b] = [join(folder, 'a.png'), join(folder, 'b.png')];
	expect(await runCli(['mask', picture, '--box', '60,150,390,420', '-o', a])).toMatchObject({ code: 0 });
	expect(await runCli(['mask', clip, '--at', '12', '--box', '60,150,390,420', '-o', b])).toMatchObject({
		code: 0,
		stderr: expect.stringContaining('frame 12'),
	});
	expect((await readLabelMap(a)).ids).toEqual((await readLabelMap(b)).ids);
});

it('never writes to what it reads, whatever may be overwritten', async () => {
	const folder = temporaryFolder();
	const picture = join(folder, '00000.png');
	await extractFrame({ input: clip, output: picture });
	const before = readFileSync(picture);
	for (const input of [picture, folder]) {
		const ended = await runCli(['mask', input, '--box', '35,150,355,420', '-o', picture, '--overwrite']);
		expect([ended.code, ended.stderr]).toEqual([2, expect.stringContaining('is an input')]);
	}
	expect(readFileSync(picture).equals(before)).toBe(true);
});

it.each([
	[['-o', 'a.png'], /Nothing says where the object is/],
	[['--box', '1,2,3', '-o', 'a.png'], /is no box/],
	[['--box', '300,20,100,90', '-o', 'a.png'], /is no box/],
	[['--box', '10,20,900,90', '-o', 'a.png'], /\[900, 90\] is outside/],
	[['--points', '{"object": [[1, 2, 3]]}', '-o', 'a.png'], /can't be understood/],
	[['--points', '{"background": [[1, 2]]}', '-o', 'a.png'], /no point on the object/],
	[['--strokes', '{"object": [[1, 2], [3, 4]]}', '-o', 'a.png'], /--strokes can't be understood/],
	[['--strokes', '{"object": []}', '-o', 'a.png'], /no stroke on the object/],
	[['--points', '{"object": [[-20, 2]]}', '-o', 'a.png'], /is outside/],
	[['--box', '10,20,90,90', '-o', 'a.jpg'], /end it in \.png/],
])('refuses %j in a sentence', async (args, sentence) => {
	const { code, stderr } = await runCli(['mask', clip, ...args], { cwd: temporaryFolder() });
	expect([code, stderr.trim().split('\n').length]).toEqual([2, 1]);
	expect(stderr).toMatch(sentence);
});
