import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it, vi } from 'vitest';
import { quickCliPath, records, runCli, sample } from '../helpers/cli.js';
import { ffmpeg } from '../helpers/ffmpeg.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

vi.setConfig({ testTimeout: 120_000 });

const track = (folder: string, ...args: string[]) =>
	runCli(['track', ...args], { program: quickCliPath, cwd: folder });

/** Six frames of the birds, as a clip and as numbered images. */
const makeClip = async (folder: string): Promise<void> => {
	await ffmpeg(
		...[
			'-i',
			sample('birds/clip.mp4'),
			'-frames:v',
			'6',
			'-an',
			'-vf',
			'scale=320:180',
			join(folder, 'clip.mp4'),
		],
	);
};

type Json = {
	readonly at: number;
	readonly tracks: { name: string; start: number[]; points: [number, number, boolean][] }[];
};
const readOwnJson = (path: string): Json => JSON.parse(readFileSync(path, 'utf8'));

it('writes points of every frame, from any frame, as several files', async () => {
	const folder = temporaryFolder();
	await makeClip(folder);
	writeFileSync(join(folder, 'points.csv'), 'x,y,name\n160.5,90,body\n60,40,\n');
	const run = await track(
		...[
			folder,
			'clip.mp4',
			'--points',
			'points.csv',
			'--at',
			'2',
			'-o',
			'out/t.json',
			'-o',
			't.nk',
			'--json',
		],
	);
	expect(run).toMatchObject({ code: 0 });
	const { at, tracks } = readOwnJson(join(folder, 'out/t.json'));
	expect(at).toBe(2);
	expect(tracks.map(({ name, start, points }) => [name, start, points.length])).toEqual([
		['body', [160.5, 90], 6],
		['track 2', [60, 40], 6],
	]);
	expect(tracks[0]?.points[2]).toEqual([160.5, 90, true]);
	expect(readFileSync(join(folder, 't.nk'), 'utf8')).toContain('Tracker4');
	const printed = records(run.stdout);
	expect(printed.map(({ type, frame }) => [type, frame])).toEqual([
		...[2, 3, 4, 5, 1, 0].map((frame) => ['frame', frame]),
		['done', undefined],
	]);
	expect(printed[0]).toMatchObject({
		points: [
			[160.5, 90, true],
			[60, 40, true],
		],
	});
});

it('writes the corners of a plane', async () => {
	const folder = temporaryFolder();
	await makeClip(folder);
	const plane = '[[20, 20], [120, 20], [120, 90], [20, 90]]';
	expect(
		await track(folder, 'clip.mp4', '--plane', plane, '-o', 'pin.json', '-o', 'pin.setting'),
	).toMatchObject({
		code: 0,
	});
	const { tracks } = readOwnJson(join(folder, 'pin.json'));
	expect(tracks.map(({ name }) => name)).toEqual(['top left', 'top right', 'bottom right', 'bottom left']);
	expect(readFileSync(join(folder, 'pin.setting'), 'utf8')).toContain('CornerPositioner');
});

it('takes the box around a layer as a plane', async () => {
	const folder = temporaryFolder();
	await makeClip(folder);
	const box = '<svg width="320" height="180"><rect x="30" y="40" width="80" height="50" fill="red"/></svg>';
	await sharp(Buffer.from(box)).png().toFile(join(folder, 'sticker.png'));
	expect(await track(folder, 'clip.mp4', '--plane', 'sticker.png', '-o', 'pin.json')).toMatchObject({
		code: 0,
	});
	expect(readOwnJson(join(folder, 'pin.json')).tracks.map(({ start }) => start)).toEqual([
		[30, 40],
		[109, 40],
		[109, 89],
		[30, 89],
	]);
});

it.each([
	['no points', ['-o', 't.json'], /--points/],
	[
		'a point outside',
		['--points', '[[500, 10]]', '-o', 't.json'],
		/\[500, 10\] is outside "clip\.mp4", which is 320×180/,
	],
	['points that are none', ['--points', '[[1]]', '-o', 't.json'], /\[\[x, y\], …\]/],
	['a plane with a dent', ['--plane', '[[0,0],[10,0],[2,2],[0,10]]', '-o', 't.json'], /clockwise/],
	['a plane outside', ['--plane', '[[900,0],[910,0],[910,9],[900,9]]', '-o', 't.json'], /outside/],
	['a frame behind the end', ['--points', '[[1, 1]]', '--at', '60', '-o', 't.json'], /ends before 60/],
	['a name of no format', ['--points', '[[1, 1]]', '-o', 't.mov'], /"t\.mov" is not a name for tracks/],
	['two points for one layer', ['--points', '[[1, 1], [2, 2]]', '-o', 't.txt'], /one point/],
	[
		'an output that is the input',
		['--points', 'points.json', '-o', 'points.json', '--overwrite'],
		/is an input/,
	],
	['an output that exists', ['--points', '[[1, 1]]', '-o', 'points.json'], /--overwrite/],
	['nothing to come of it', ['--points', '[[1, 1]]'], /-o/],
])('refuses %s in one line, before anything is computed', async (_, args, reason) => {
	const folder = temporaryFolder();
	await makeClip(folder);
	writeFileSync(join(folder, 'points.json'), '[[10, 10]]');
	const { code, stderr } = await track(folder, 'clip.mp4', ...args);
	expect(stderr.trim()).toMatch(reason);
	expect(stderr.trim().split('\n')).toHaveLength(1);
	expect(code).toBe(2);
	expect(existsSync(join(folder, 't.json'))).toBe(false);
	expect(readFileSync(join(folder, 'points.json'), 'utf8')).toBe('[[10, 10]]');
});
