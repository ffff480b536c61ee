import {
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type BoxClip, makeBoxClip, makeBoxFrames } from '../helpers/box-clip.js';
import { type CliResult, quickCliPath, runCli, startCli } from '../helpers/cli.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

// On a machine that does other work too, each start of the command takes a while.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const frames = 5;
let folder: string;
let clip: BoxClip;
/** A folder of pictures `shot.1001.png`, … */
let shot: BoxClip;

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'propagate-sequences-'));
	clip = await makeBoxClip(folder, frames);
	const counted = await makeBoxFrames(folder, frames);
	shot = { ...counted, clip: numbered(counted.clip, 1001) };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A copy of a folder of frames whose names begin with a number. */
const numbered = (path: string, first: number): string => {
	const copy = join(folder, `from ${first}`);
	cpSync(path, copy, { recursive: true });
	for (const name of readdirSync(copy).sort().reverse()) {
		renameSync(
			join(copy, name),
			join(copy, `shot.${String(Number.parseInt(name, 10) + first).padStart(4, '0')}.png`),
		);
	}
	return copy;
};

const propagate = (input: string, ...args: string[]): Promise<CliResult> =>
	runCli([input, '--mask', clip.mask, '--threads', '1', ...args], {
		program: quickCliPath,
		env: { PROPAGATE_HOME: join(folder, 'home') },
	});

/** Names of files that are not hidden. */
const listed = (path: string): string[] =>
	readdirSync(path)
		.filter((name) => !name.startsWith('.'))
		.sort();

const contents = (path: string): Map<string, Buffer> =>
	new Map(listed(path).map((name) => [name, readFileSync(join(path, name))]));

describe('names with numbers', () => {
	test('keep those of the shot, also where it is cut', async () => {
		const output = temporaryFolder();
		const written = await propagate(shot.clip, '--end', '1003', '-o', join(output, 'key.%04d.exr'));
		expect(written).toMatchObject({ code: 0 });
		expect(listed(output)).toEqual(['key.1001.exr', 'key.1002.exr']);
	});

	test('keep those of pictures that are counted from 1', async () => {
		const output = temporaryFolder();
		const fromOne = numbered(join(folder, `${frames} frames`), 1);
		const places = ['-o', join(output, 'key.%04d.exr'), '-o', join(output, 'masks')];
		expect(await propagate(fromOne, '--end', '2', ...places)).toMatchObject({ code: 0 });
		expect(listed(output)).toEqual(['key.0001.exr', 'key.0002.exr', 'masks']);
		expect(listed(join(output, 'masks'))).toEqual(['00000.png', '00001.png']);
	});

	test('of a video begin with 0, or where one says', async () => {
		const output = temporaryFolder();
		expect(await propagate(clip.clip, '--end', '2', '-o', join(output, 'a.%d.png'))).toMatchObject({
			code: 0,
		});
		const named = ['--start-number', '1001', '-o', join(output, 'b-matte.%04d.tif')];
		expect(await propagate(clip.clip, '--end', '2', ...named)).toMatchObject({ code: 0 });
		expect(listed(output)).toEqual(['a.0.png', 'a.1.png', 'b-matte.1001.tif', 'b-matte.1002.tif']);
	});
});

describe('--for nuke', () => {
	test('writes linear pictures into a folder named after the clip, counted as Nuke counts', async () => {
		const output = join(temporaryFolder(), 'comp');
		mkdirSync(output);
		const { code, stderr } = await propagate(clip.clip, '--end', '2', '--for', 'nuke', '-o', output);
		expect(code).toBe(0);
		expect(listed(join(output, 'clip-alpha'))).toEqual(['clip-alpha.0001.exr', 'clip-alpha.0002.exr']);
		expect(stderr).toContain('Nuke: Read the sequence');
	});

	test('keeps the numbers of a shot', async () => {
		const output = temporaryFolder();
		const name = join(output, 'x.%04d.exr');
		expect(await propagate(shot.clip, '--end', '1002', '--for', 'nuke', '-o', name)).toMatchObject({
			code: 0,
		});
		expect(listed(output)).toEqual(['x.1001.exr']);
	});
});

describe('a run that was interrupted', () => {
	test('goes on with its pictures, to the same bytes, and leaves others in the folder alone', async () => {
		const [whole, output] = [temporaryFolder(), temporaryFolder()];
		expect(await propagate(clip.clip, '-o', join(whole, 'a.%04d.exr'))).toMatchObject({ code: 0 });
		expect(listed(whole)).toHaveLength(frames);
		const pattern = join(output, 'a.%04d.exr');
		const { process: child, done } = startCli(
			[clip.clip, '--mask', clip.mask, '--threads', '1', '-o', pattern],
			{ program: quickCliPath, env: { PROPAGATE_HOME: join(output, '.home') } },
		);
		const watch = setInterval(() => {
			if (existsSync(join(output, 'a.0001.exr'))) {
				child.kill('SIGKILL');
			}
		}, 5);
		await done;
		clearInterval(watch);
		const left = listed(output).length;
		const resumed = await propagate(clip.clip, '-o', pattern, '--resume');
		expect(resumed).toMatchObject({ code: 0 });
		expect(resumed.stderr).toContain(`${left} of ${frames} frames were finished before`);
		expect(contents(output)).toEqual(contents(whole));
		expect(readdirSync(output).filter((name) => name.endsWith('.partial'))).toEqual([]);
	});

	test('is not continued with other numbers or as something else', async () => {
		const output = temporaryFolder();
		const pattern = join(output, 'a.%04d.png');
		const to2 = ['--end', '2', '-o', pattern];
		expect(await propagate(clip.clip, ...to2)).toMatchObject({ code: 0 });
		for (const other of [
			['--start-number', '1'],
			['--format', 'alpha-png'],
		]) {
			const { code, stderr } = await propagate(clip.clip, ...to2, ...other, '--resume');
			expect(code).toBe(2);
			expect(stderr).toContain('in another format, or with other numbers');
		}
		expect(listed(output)).toEqual(['a.0000.png', 'a.0001.png']);
	});
});

describe('what is refused before any work', () => {
	test.each([
		['a pattern that the mask’s name fits', ['-o', 'MASKS/key.%04d.png'], 'would be called as a frame'],
		['one among the frames that are read', ['-o', 'SHOT/key.%04d.png'], 'lies among the frames'],
		['one that is given twice', ['-o', 'OUT/a.%04d.png', '-o', 'OUT/a.%d.png'], 'output twice'],
		['a folder and the pattern of its names', ['-o', 'OUT', '-o', 'OUT/%05d.png'], 'output twice'],
		[
			'a sheet that is called as a frame',
			['-o', 'OUT/a.%04d.png', '--review', 'OUT/a.0007.png'],
			'taken for a frame',
		],
		['no number', ['--start-number', '-1', '-o', 'OUT/a.%d.png'], '--start-number'],
	])('%s', async (_what, args, message) => {
		const output = temporaryFolder();
		const masks = join(output, 'masks');
		mkdirSync(masks);
		const mask = join(masks, 'key.0003.png');
		cpSync(clip.mask, mask);
		const places = args.map((text) =>
			text.replace('MASKS', masks).replace('SHOT', shot.clip).replace('OUT', join(output, 'out')),
		);
		const { code, stderr } = await runCli([shot.clip, '--mask', mask, ...places, '--overwrite'], {
			program: quickCliPath,
		});
		expect(stderr).toContain(message);
		expect(code).toBe(2);
		expect(readFileSync(mask).equals(readFileSync(clip.mask))).toBe(true);
		expect(readdirSync(output)).toEqual(['masks']);
	});
});
