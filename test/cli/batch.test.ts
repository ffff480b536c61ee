import {
	copyFileSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { buildProgram } from '../../src/cli/program.js';
import { clipCommandSchema } from '../../src/jobs/clip-command.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import { writeIndexedPng } from '../../src/media/indexed-png.js';
import { type BoxClip, makeBoxClip, makeBoxFrames, makeBoxMask } from '../helpers/box-clip.js';
import { type CliResult, type CliRun, quickCliPath, records, startCli } from '../helpers/cli.js';
import { results } from '../helpers/contents.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

// On a machine that does other work too, each start of the command takes a while.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

let material: string;
let video: BoxClip;
let frames: BoxClip;
/** What the commands make of {@link two}, one by one. */
let single: Map<string, Buffer>;
beforeAll(async () => {
	material = mkdtempSync(join(tmpdir(), 'propagate-batch-'));
	video = await makeBoxClip(material, 6);
	frames = await makeBoxFrames(material, 8);
	const shots = makeShots(join(material, 'shots'));
	const moving = ['moving.mp4', '--mask', 'moving.png', '-o', 'one/moving', '-o', 'one/moving-alpha.mkv'];
	const still = ['still', '--mask', 'still.png', '-o', 'one/still.mkv', '--fps', '12', '--decoder', 'off'];
	for (const args of [moving, still]) {
		expect(await run(shots, ...args)).toMatchObject({ code: 0 });
	}
	single = results(join(shots, 'one'));
	expect(single.size).toBe(6 + 2);
});
afterAll(() => rmSync(material, { recursive: true, force: true }));

/** A folder with two clips, each with a mask of its name: a video and a folder of frames. */
const makeShots = (folder = join(temporaryFolder(), 'shots')): string => {
	mkdirSync(join(folder, 'still'), { recursive: true });
	copyFileSync(video.clip, join(folder, 'moving.mp4'));
	copyFileSync(video.mask, join(folder, 'moving.png'));
	for (const name of readdirSync(frames.clip)) {
		copyFileSync(join(frames.clip, name), join(folder, 'still', name));
	}
	copyFileSync(frames.mask, join(folder, 'still.png'));
	return folder;
};

const start = (cwd: string, ...args: string[]): CliRun =>
	startCli(args, { program: quickCliPath, cwd, env: { PROPAGATE_HOME: join(cwd, '..', 'home') } });
const run = (cwd: string, ...args: string[]): Promise<CliResult> => start(cwd, ...args).done;

const writeJobs = (folder: string, jobs: unknown): string => {
	const path = join(folder, 'jobs.json');
	writeFileSync(path, typeof jobs === 'string' ? jobs : JSON.stringify(jobs));
	return path;
};

/** Ids of the processes that a process has started. */
const childrenOf = (pid: number): number[] =>
	readdirSync('/proc')
		.filter((name) => /^\d+$/.test(name))
		.filter((name) => {
			try {
				return Number(/\) . (\d+) /.exec(readFileSync(`/proc/${name}/stat`, 'latin1'))?.[1]) === pid;
			} catch {
				return false;
			}
		})
		.map(Number);

const two = [
	{ input: 'moving.mp4', mask: 'moving.png', output: ['out/moving', 'out/moving-alpha.mkv'] },
	{ input: 'still', mask: ['0=still.png'], output: 'out/still.mkv', fps: 12, decoder: 'off' },
];

describe('a list', () => {
	test('gives what the commands give one by one, at once or not', async () => {
		const shots = makeShots();
		writeJobs(shots, two);
		const batch = await run(shots, 'batch', 'jobs.json', '--json');
		expect(batch).toMatchObject({ code: 0 });
		expect(records(batch.stdout).at(-1)).toMatchObject({
			type: 'done',
			jobs: 2,
			finished: 2,
			failed: 0,
			frames: 14,
		});
		expect(results(join(shots, 'out'))).toEqual(single);

		writeJobs(shots, {
			jobs: two.map((job) => ({ ...job, output: [job.output].flat().map((path) => `two/${path}`) })),
		});
		expect(await run(shots, 'batch', 'jobs.json', '--jobs', '2')).toMatchObject({ code: 0 });
		expect(results(join(shots, 'two/out'))).toEqual(single);
	});

	test('may be a folder of clips with masks of the same names', async () => {
		const shots = makeShots();
		mkdirSync(join(shots, 'notes'));
		const { code, stderr } = await run(shots, 'batch', '.', '-o', '../cut outs', '--format', 'matte.mkv');
		expect(code).toBe(0);
		expect(stderr).toContain('2 of 2 clips done: 14 frames');
		expect([...results(join(shots, '../cut outs')).keys()]).toEqual(['moving-matte.mkv', 'still-matte.mkv']);
	});

	test('may be a table', async () => {
		const shots = makeShots();
		writeFileSync(
			join(shots, 'jobs.csv'),
			'Input,Mask,Output,End,Mask-Type\nmoving.mp4,moving.png,a; a-matte.mkv,2,\nstill,0=still.png;5=still.png,b,,ids\n',
		);
		expect(await run(shots, 'batch', 'jobs.csv')).toMatchObject({ code: 0 });
		expect(readdirSync(join(shots, 'a')).filter((name) => name.endsWith('.png'))).toHaveLength(2);
		expect(readdirSync(join(shots, 'b')).filter((name) => name.endsWith('.png'))).toHaveLength(8);
		expect(existsSync(join(shots, 'a-matte.mkv'))).toBe(true);
	});

	test('may be lines of JSON, of which each is told by its number', async () => {
		const shots = makeShots();
		writeFileSync(
			join(shots, 'jobs.jsonl'),
			'{"input": "moving.mp4", "mask": "moving.png", "output": "a", "end": 2}\n\n{"input": }\n',
		);
		const { code, stderr } = await run(shots, 'batch', 'jobs.jsonl');
		expect([code, stderr]).toEqual([
			2,
			expect.stringMatching(/^line 3 of jobs.jsonl: it is not valid JSON/m),
		]);
		writeFileSync(join(shots, 'jobs.csv'), 'input,mask,output\nmoving.mp4,moving.png,a,b\n');
		const table = await run(shots, 'batch', 'jobs.csv');
		expect([table.code, table.stderr]).toEqual([
			2,
			expect.stringMatching(/^row 1 of jobs.csv: it has more cells/m),
		]);
		expect(existsSync(join(shots, 'a'))).toBe(false);
	});

	test('takes every option of the main command that belongs to a job', () => {
		const options = buildProgram().options.map(({ long }) => long?.slice(2) ?? '');
		const ofThePerson = ['version', 'json', 'quiet', 'ffmpeg', 'resume'];
		expect(new Set(Object.keys(clipCommandSchema.shape))).toEqual(
			new Set(['input', ...options.filter((name) => !ofThePerson.includes(name))]),
		);
	});
});

describe('before anything is started', () => {
	test('every job is looked at, and each that cannot be done is told', async () => {
		const shots = makeShots();
		await makeBoxMask(join(shots, 'small.png'), 48, 32);
		writeJobs(shots, [
			two[0],
			{ input: 'nowhere.mp4', mask: 'moving.png', output: 'a' },
			{ input: 'moving.mp4', mask: 'small.png', output: 'b' },
			{ input: 'moving.mp4', mask: 'moving.png', output: 'c.xyz' },
			{ input: 'moving.mp4', mask: 'moving.png', output: 'd', colour: 'red' },
			{ input: 'moving.mp4', mask: 'moving.png', output: 'e', quality: 'great' },
			{ input: 'moving.mp4', mask: 'moving.png' },
			{ input: 'moving.mp4', mask: '9=moving.png', output: 'f' },
			{ input: 'moving.mp4', mask: 'moving.png', output: './out//moving' },
			{ input: 'moving.mp4', mask: 'moving.png', output: 'g', model: 'nobody' },
			'moving.mp4',
		]);
		const before = readdirSync(shots);
		const { code, stderr } = await run(shots, 'batch', 'jobs.json');
		expect(code).toBe(2);
		for (const line of [
			/^job 2 of jobs.json: .*nowhere.mp4.*$/m,
			/^job 3 of jobs.json: .*small.png.*48×32.*$/m,
			/^job 4 of jobs.json: .*c.xyz.*$/m,
			/^job 5 of jobs.json: there is no option "colour".*$/m,
			/^job 6 of jobs.json: "quality": .*fast.*balanced.*best.*$/m,
			/^job 7 of jobs.json: it names no "output".*$/m,
			/^job 8 of jobs.json: .*frame 9.*6 frames.*$/m,
			/^job 9 of jobs.json: it writes ".*out.moving", and so does job 1 of jobs.json.*$/m,
			/^job 10 of jobs.json: .*nobody.*$/m,
			/^job 11 of jobs.json: expected \[\{"input".*$/m,
			/^propagate: The list "jobs.json" has 10 problems, which are told above; nothing was started.$/m,
		]) {
			expect(stderr).toMatch(line);
		}
		expect(readdirSync(shots)).toEqual(before);
	});

	test.each([
		['{"jobs": 3}', /can't be used; expected \[/],
		['[]', /has no jobs/],
		['[{', /is not valid JSON/],
	])('a list that is none is refused: %s', async (text, reason) => {
		const folder = temporaryFolder();
		writeJobs(folder, text);
		const { code, stderr } = await run(folder, 'batch', 'jobs.json');
		expect(code).toBe(2);
		expect(stderr.trim().split('\n')).toHaveLength(1);
		expect(stderr).toMatch(reason);
	});

	test('a clip without its mask, and one with two, are told', async () => {
		const shots = makeShots();
		copyFileSync(video.clip, join(shots, 'alone.mp4'));
		copyFileSync(video.mask, join(shots, 'moving.tif'));
		const { code, stderr } = await run(shots, 'batch', '.', '-o', '../out');
		expect(code).toBe(2);
		expect(stderr).toMatch(/alone.mp4: it has no mask of its name/);
		expect(stderr).toMatch(/moving.mp4: both moving.png and moving.tif could be its mask/);
	});
});

describe('what fails', () => {
	test('is told, the rest goes on, and the exit code is 1', async () => {
		const shots = makeShots();
		mkdirSync(join(shots, 'out'));
		writeFileSync(join(shots, 'out/moving-alpha.mkv'), 'mine');
		writeJobs(shots, two);
		const { code, stderr } = await run(shots, 'batch', 'jobs.json');
		expect(code).toBe(1);
		expect(stderr).toMatch(/failed: job 1 of jobs.json \(.*moving.mp4\): .*moving-alpha.mkv" exists already/);
		expect(stderr).toMatch(/^propagate: 1 of 2 clips failed/m);
		expect(readFileSync(join(shots, 'out/moving-alpha.mkv'), 'utf8')).toBe('mine');
		expect(existsSync(join(shots, 'out/still.mkv'))).toBe(true);

		expect(await run(shots, 'batch', 'jobs.json', '--overwrite')).toMatchObject({ code: 0 });
		expect(statSync(join(shots, 'out/moving-alpha.mkv')).size).toBeGreaterThan(100);
	});

	test.skipIf(process.platform !== 'linux')(
		'a clip whose process is killed takes no other along (Linux)',
		async () => {
			const shots = makeShots();
			writeJobs(shots, two);
			const { process: command, done } = start(shots, 'batch', 'jobs.json', '--json');
			let killed = false;
			command.stdout?.on('data', (data: Buffer) => {
				if (!killed && data.toString().includes('"type":"progress"')) {
					killed = true;
					const [child] = childrenOf(command.pid ?? 0);
					process.kill(child ?? Number.NaN, 'SIGKILL');
				}
			});
			const { code, stdout } = await done;
			expect(code).toBe(1);
			const told = records(stdout);
			expect(told.find(({ type }) => type === 'failed')).toMatchObject({
				job: 0,
				reason: expect.stringContaining('killed'),
			});
			expect(told.find(({ type }) => type === 'finished')).toMatchObject({ job: 1 });
		},
	);
});

describe('the same list again', () => {
	test('goes on where it was killed, and leaves alone what is finished', async () => {
		const again = makeShots();
		writeJobs(again, two);
		// One after the other, so that the first is finished when the second is at work.
		const killed = start(again, 'batch', 'jobs.json', '--json', '--jobs', '1');
		killed.process.stdout?.on('data', (data: Buffer) => {
			if (data.toString().includes('"type":"progress","job":1')) {
				killed.process.kill('SIGKILL');
			}
		});
		expect((await killed.done).code).toBe(null);
		const made = statSync(join(again, 'out/moving/00003.png')).mtimeMs;
		const resumed = await run(again, 'batch', 'jobs.json', '--json');
		expect(resumed).toMatchObject({ code: 0 });
		expect(records(resumed.stdout).at(-1)).toMatchObject({ finished: 1, wereFinished: 1 });
		expect(results(join(again, 'out'))).toEqual(single);
		expect(statSync(join(again, 'out/moving/00003.png')).mtimeMs).toBe(made);

		const third = await run(again, 'batch', 'jobs.json', '--json');
		expect(records(third.stdout).at(-1)).toMatchObject({ finished: 0, wereFinished: 2, frames: 0 });
	});

	test('knows its results by what they were made from: another mask is another job', async () => {
		const shots = makeShots();
		const video = [{ ...two[1], output: 'still.mkv' }];
		writeJobs(shots, video);
		expect(await run(shots, 'batch', 'jobs.json')).toMatchObject({ code: 0 });
		// The same mask in another file is the same mask.
		await makeBoxMask(join(shots, 'still.png'), 96, 64);
		expect((await run(shots, 'batch', 'jobs.json')).stderr).toContain('1 were finished before');

		const corner = { width: 96, height: 64, ids: new Uint8Array(96 * 64).fill(1, 0, 96 * 20) };
		await writeIndexedPng(join(shots, 'still.png'), { ...corner, palette: davisPalette });
		const other = await run(shots, 'batch', 'jobs.json');
		expect(other.code).toBe(1);
		expect(other.stderr).toMatch(/was made with other masks/);
		const made = readFileSync(join(shots, 'still.mkv'));
		expect(await run(shots, 'batch', 'jobs.json', '--overwrite')).toMatchObject({ code: 0 });
		expect(readFileSync(join(shots, 'still.mkv')).equals(made)).toBe(false);
		// What is the same job's is not made again, though it could be overwritten.
		expect((await run(shots, 'batch', 'jobs.json', '--overwrite')).stderr).toContain(
			'1 were finished before',
		);
		// Another format under the same name is not what is there.
		writeJobs(
			shots,
			video.map((job) => ({ ...job, format: 'matte.mkv' })),
		);
		expect((await run(shots, 'batch', 'jobs.json')).stderr).toMatch(/still.mkv" exists already/);
	});

	test('after Ctrl-C, too', async () => {
		const shots = makeShots();
		writeJobs(shots, two);
		const { process: command, done } = start(shots, 'batch', 'jobs.json', '--json');
		command.stdout?.on('data', (data: Buffer) => {
			if (!command.killed && data.toString().includes('"type":"progress"')) {
				command.kill('SIGINT');
			}
		});
		const { code, stderr } = await done;
		expect(code).toBe(130);
		expect(stderr).toMatch(/^propagate: Cancelled; \d of 2 clips are finished. Repeat the command/m);
		expect(
			readdirSync(shots, { recursive: true }).filter((name) => String(name).endsWith('.partial')),
		).toEqual([]);
		expect(await run(shots, 'batch', 'jobs.json')).toMatchObject({ code: 0 });
	});
});
