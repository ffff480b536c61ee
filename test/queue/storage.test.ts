import {
	copyFileSync,
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { asUnfinished } from '../../src/output/run-notes.js';
import { type BoxClip, makeBoxClip, makeBoxFrames } from '../helpers/box-clip.js';
import type { CliResult } from '../helpers/cli.js';
import { contents } from '../helpers/contents.js';
import { lastOf, queueCli, type WorkerRun } from '../helpers/queue-cli.js';
import { type RedisServer, redisAvailable, startRedis } from '../helpers/redis-server.js';
import { type S3Server, s3Available, startS3 } from '../helpers/s3-server.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

// On a machine that does other work too, each start of the command takes a while.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const FRAMES = 12;

let material: string;
let redis: RedisServer;
let s3: S3Server;
let film: BoxClip;
let frames: BoxClip;
/** What one machine makes of the two clips on its disk. */
let expected: Map<string, Buffer>;

const cli = queueCli(() => redis.url);
const { run, add, list, status, until } = cli;
const startWorker = (cwd: string, ...args: string[]): WorkerRun => cli.startWorker(cwd, args);

/** The jobs of a film and of a folder of frames, which lie at a place and write to `out` in it. */
const jobsIn = (place: string): Record<string, unknown>[] => [
	{ input: `${place}/film.mp4`, mask: `${place}/film.png`, output: [`${place}/out/film.mkv`] },
	{
		input: `${place}/frames`,
		mask: [`0=${place}/frames.png`],
		output: [`${place}/out/frames`, `${place}/out/frames-overlay.mp4`, `${place}/out/frames-seq.%03d.png`],
	},
];

const fill = (folder: string): void => {
	mkdirSync(folder, { recursive: true });
	copyFileSync(film.clip, join(folder, 'film.mp4'));
	copyFileSync(film.mask, join(folder, 'film.png'));
	cpSync(frames.clip, join(folder, 'frames'), { recursive: true });
	copyFileSync(frames.mask, join(folder, 'frames.png'));
};

const listOf = (folder: string, jobs: readonly unknown[]): string => {
	const path = join(folder, 'jobs.json');
	writeFileSync(path, JSON.stringify(jobs));
	return path;
};

/** With a home of its own beside it. */
const emptyFolder = (): string => {
	const folder = join(temporaryFolder(), 'here');
	mkdirSync(folder);
	return folder;
};

const bucket = (): string => join(s3.folder, 'shots');

describe.skipIf(!redisAvailable || !s3Available)('storage by S3 (needs redis-server, versitygw)', () => {
	beforeAll(async () => {
		material = mkdtempSync(join(tmpdir(), 'propagate-storage-'));
		[film, frames] = [await makeBoxClip(material, FRAMES), await makeBoxFrames(material, FRAMES)];
		redis = await startRedis();
		s3 = await startS3(['shots', 'others']);
		for (const [name, value] of Object.entries(s3.env)) {
			vi.stubEnv(name, value);
		}
		const shots = join(material, 'shots');
		fill(shots);
		const jobs = listOf(material, jobsIn(shots));
		expect(await run(material, 'batch', jobs, '--threads', '1')).toMatchObject({ code: 0 });
		expected = contents(join(shots, 'out'));
	});
	beforeEach(() => {
		redis.ask('flushall');
		rmSync(bucket(), { recursive: true });
		fill(bucket());
	});
	afterAll(async () => {
		await redis.close();
		await s3.close();
		rmSync(material, { recursive: true, force: true });
	});

	test('results are those that one machine makes on its disk, and are known when they are finished', async () => {
		const here = emptyFolder();
		const jobs = listOf(here, jobsIn('s3://shots'));
		// As paths in a root: relative ones are relative to it.
		expect(lastOf(await run(here, 'queue', 'add', jobs, '--root', 's3://shots', '--json'))).toMatchObject({
			added: 2,
		});
		expect((await list('waiting')).map(({ clip }) => clip)).toEqual(['film.mp4', 'frames']);
		const worker = startWorker(here, '--root', 's3://shots', '--until-empty');
		const ended = await worker.done;
		expect([ended.code, ended.stderr]).toEqual([0, '']);
		expect(contents(join(bucket(), 'out'))).toEqual(expected);
		const [result] = await list('completed');
		expect(result).toMatchObject({ outputs: ['out/film.mkv'], program: expect.stringMatching(/^\d/) });
		// No copies are left.
		expect(readdirSync(join(here, '../home/queue'))).toEqual([]);

		// The same list in a queue that knows nothing of it.
		redis.ask('flushall');
		const written = statSync(join(bucket(), 'out/film.mkv')).mtimeMs;
		await add(jobs);
		const again = startWorker(here, '--root', 's3://shots', '--until-empty');
		expect((await again.done).code).toBe(0);
		expect(again.events.filter(({ type }) => type === 'finished')).toMatchObject([
			{ wasFinished: true, outputs: ['s3://shots/out/film.mkv'] },
			{ wasFinished: true },
		]);
		expect(statSync(join(bucket(), 'out/film.mkv')).mtimeMs).toBe(written);
		// A mask that was painted anew makes another job of it.
		expect(await add(jobs)).toEqual({ added: 0, known: 2 });
		copyFileSync(join(bucket(), 'frames/00000.png'), join(bucket(), 'film.png'));
		expect(await add(jobs)).toEqual({ added: 1, known: 1 });
	});

	test('what a worker that died had stored is completed; results of others are left alone', async () => {
		const here = emptyFolder();
		const out = join(bucket(), 'out');
		mkdirSync(out);
		for (const [name, data] of expected) {
			mkdirSync(join(out, name, '..'), { recursive: true });
			writeFileSync(join(out, name), name.endsWith('run.json') ? asUnfinished(`${data}`) : data);
		}
		rmSync(join(out, 'frames/00007.png'));
		truncateSync(join(out, 'frames/00003.png'), 20);
		rmSync(join(out, 'frames-overlay.mp4'));
		rmSync(join(out, 'frames-seq.004.png'));
		truncateSync(join(out, 'film.mkv'), 100);
		await add(listOf(here, jobsIn('s3://shots')));
		const worker = startWorker(here, '--root', 's3://shots', '--until-empty');
		expect((await worker.done).code).toBe(0);
		expect(await status()).toMatchObject({ completed: 2, failed: 0 });
		expect(contents(out)).toEqual(expected);
		expect(expected.has('frames-seq.004.png')).toBe(true);

		rmSync(join(out, 'frames/.propagate-run'), { recursive: true });
		rmSync(join(out, '.film.mkv.propagate-run'), { recursive: true });
		redis.ask('flushall');
		await add(listOf(here, jobsIn('s3://shots')));
		const before = contents(out);
		await startWorker(here, '--root', 's3://shots', '--until-empty').done;
		const failed = await list('failed');
		expect(failed.map(({ reason }) => reason)).toEqual([
			expect.stringMatching(/^"s3:\/\/shots\/out\/film.mkv" exists already/),
			expect.stringMatching(/^"s3:\/\/shots\/out\/frames" holds 12 frames, but no notes/),
		]);
		expect(contents(out)).toEqual(before);
	});

	test('pictures that a pattern names are stored beside others, known again, and not replaced where they are others’', async () => {
		const here = emptyFolder();
		const out = join(bucket(), 'out');
		mkdirSync(out);
		writeFileSync(join(out, 'film.jpg'), 'of somebody');
		const [film] = jobsIn('s3://shots');
		const job = {
			...film,
			end: 3,
			output: ['s3://shots/out/film.%04d.exr', 's3://shots/out/film-mattes.%d.png'],
		};
		const jobs = listOf(here, [job]);
		const work = async (): Promise<Record<string, unknown>[]> => {
			redis.ask('flushall');
			await add(jobs);
			const worker = startWorker(here, '--root', 's3://shots', '--until-empty');
			expect((await worker.done).code).toBe(0);
			return worker.events.filter(({ type }) => type === 'finished');
		};
		expect(await work()).toHaveLength(1);
		const pictures = [0, 1, 2].flatMap((n) => [`film.000${n}.exr`, `film-mattes-1.${n}.png`]);
		const listed = (): string[] => readdirSync(out).filter((name) => !name.startsWith('.'));
		expect(listed().sort()).toEqual(['film.jpg', ...pictures].sort());
		expect(await work()).toMatchObject([{ wasFinished: true }]);

		rmSync(join(out, 'film.0001.exr'));
		expect(await work()).toMatchObject([{ wasFinished: false }]);
		expect(listed().sort()).toEqual(['film.jpg', ...pictures].sort());

		rmSync(join(out, '.film.%04d.exr.propagate-run'), { recursive: true });
		expect(await work()).toEqual([]);
		expect((await list('failed')).map(({ reason }) => reason)).toEqual([
			expect.stringMatching(/^"s3:\/\/shots\/out\/film\.%04d\.exr" holds 3 frames, but no notes/),
		]);
	});

	test('another worker with the same scratch folder goes on from the frames of one that was killed', async () => {
		const here = emptyFolder();
		await add(listOf(here, jobsIn('s3://shots').slice(1)));
		const args = ['--root', 's3://shots', '--scratch', join(here, 'scratch'), '--lease', '2'];
		const first = startWorker(here, ...args);
		await vi.waitFor(
			() => {
				const copies = readdirSync(join(here, 'scratch'), { recursive: true, encoding: 'utf8' });
				expect(copies.some((name) => name.endsWith('out/frames/00005.png'))).toBe(true);
			},
			{ timeout: 200_000, interval: 5 },
		);
		first.process.kill('SIGKILL');
		await first.done;
		expect(existsSync(join(bucket(), 'out'))).toBe(false);
		const second = startWorker(here, ...args, '--until-empty');
		expect((await second.done).code).toBe(0);
		expect(Number((await second.seen('finished')).resumedFrames)).toBeGreaterThanOrEqual(5);
		expect(contents(join(bucket(), 'out'))).toEqual(
			new Map([...expected].filter(([name]) => name.startsWith('frames'))),
		);
		expect(readdirSync(join(here, 'scratch'))).toEqual([]);
	});

	test('storage that goes and comes back costs nothing; what is not there is told at once', async () => {
		const here = emptyFolder();
		const [first, second] = jobsIn('s3://shots');
		await add(listOf(here, [first, { ...second, input: 's3://shots/nothing' }]));
		const worker = startWorker(here, '--root', 's3://shots');
		await worker.seen('progress');
		await s3.kill();
		await until(({ delayed = 0, completed = 0 }) => delayed + completed > 0);
		expect(await worker.seen('failed')).toMatchObject({ willBeRetried: true });
		await s3.start();
		await until(({ completed, failed }) => completed === 1 && failed === 1);
		worker.process.kill('SIGTERM');
		await worker.done;
		expect(await list('failed')).toMatchObject([
			{ reason: 'There is nothing at "s3://shots/nothing"; check the place.' },
		]);
		expect(contents(join(bucket(), 'out'))).toEqual(
			new Map([...expected].filter(([name]) => name.includes('film'))),
		);
		expect(readdirSync(join(here, '../home/queue'))).toEqual([]);
	});

	test('a hostile job reads and writes nothing outside of the buckets and folders that are allowed', async () => {
		const here = emptyFolder();
		fill(join(bucket(), 'mine'));
		fill(join(bucket(), 'mine-not'));
		fill(join(s3.folder, 'others', 'read'));
		const [good] = jobsIn('s3://shots/mine');
		const hostile: Record<string, unknown> = {
			'reads another bucket': { ...good, input: 's3://others/film.mp4' },
			'reads beside the root': { ...good, input: 's3://shots/film.mp4' },
			'reads what begins alike': { ...good, input: 's3://shots/mine-not/film.mp4' },
			'climbs out': { ...good, input: 's3://shots/mine/../film.mp4' },
			'climbs out relatively': { ...good, input: '../film.mp4' },
			'climbs with codes': { ...good, output: ['s3://shots/mine/%2e%2e/%2e%2e/../x.mkv'] },
			'climbs with backslashes': { ...good, output: ['s3://shots/mine/..\\..\\x.mkv'] },
			'has empty parts': { ...good, output: ['s3://shots/mine//x.mkv'] },
			'names another server': { ...good, input: 's3://key:secret@evil.example/film.mp4' },
			'writes elsewhere': { ...good, output: ['s3://shots/out/film.mkv'] },
			'writes where it may only read': { ...good, output: ['s3://others/read/x.mkv'] },
			'writes the root': { ...good, output: ['s3://shots/mine'] },
			'writes a file here': { ...good, output: [join(here, 'x.mkv')] },
			'reads a file here': { ...good, mask: [film.mask] },
			'brings a model': { ...good, model: 's3://shots/mine/model' },
			'brings a preset': { ...good, preset: 's3://shots/mine/preset.json' },
			'writes its own clip': { ...good, output: ['s3://shots/mine/film.mp4'], overwrite: true },
			'names no result': { ...good, output: undefined },
			'makes a project of copies': { ...good, output: ['s3://shots/mine/x.mlt'] },
		};
		const queue = new Queue('propagate', { connection: { host: '127.0.0.1', port: redis.port } });
		for (const [name, command] of Object.entries(hostile)) {
			await queue.add('clip', { command }, { jobId: name.replaceAll(' ', '-'), attempts: 8 });
		}
		await queue.add('clip', { command: { ...good, mask: ['film.png'] } }, { jobId: 'good' });
		await queue.close();
		const before = contents(s3.folder);
		const worker = startWorker(
			here,
			...['--root', 's3://shots/mine', '--read-root', 's3://others/read', '--until-empty'],
		);
		expect((await worker.done).code).toBe(0);
		const failed = await list('failed');
		expect(failed.map(({ id }) => String(id).replaceAll('-', ' ')).sort()).toEqual(
			Object.keys(hostile).sort(),
		);
		for (const { id, attempts, reason } of failed) {
			expect([id, attempts, reason]).toEqual([
				id,
				1,
				expect.stringMatching(
					/outside of the folders|names no place|read from folders only|is an input|names no "output"|project file/,
				),
			]);
		}
		const added = [...contents(s3.folder).keys()].filter((name) => !before.has(name));
		expect(added.filter((name) => !name.startsWith('.'))).toEqual([
			'shots/mine/out/.film.mkv.propagate-run/run.json',
			'shots/mine/out/film.mkv',
		]);
		for (const [name, data] of before) {
			expect(contents(s3.folder).get(name)?.equals(data)).toBe(true);
		}
		expect(readdirSync(here)).toEqual([]);
	});

	test('keys are told to nobody: neither printed nor given to what reads the clips', async () => {
		const here = emptyFolder();
		const say = (env: Record<string, string>, ...args: string[]): Promise<CliResult> =>
			cli.start(here, args, { PROPAGATE_DEBUG: '1', ...env }).done;
		const jobs = listOf(here, jobsIn('s3://shots'));
		const secret = 'S3-S3CRETS';
		const work = ['queue', 'work', '--until-empty', '--root'];
		const refused = [
			await say({ AWS_SECRET_ACCESS_KEY: secret }, ...work, 's3://shots'),
			await say({ AWS_SECRET_ACCESS_KEY: secret }, 'queue', 'add', jobs),
			await say({ AWS_ENDPOINT_URL_S3: `http://key:${secret}@127.0.0.1` }, ...work, 's3://shots'),
			await say({}, ...work, 's3://no-such-bucket'),
			await say({}, ...work, 's3://Not_A_Bucket'),
			await say({}, 'batch', jobs),
			await say({}, film.clip, '--mask', film.mask, '-o', 's3://shots/x'),
		];
		for (const { code, stdout, stderr } of refused) {
			expect([code, stderr]).toEqual([2, expect.stringMatching(/^(propagate|job \d).*S3/m)]);
			expect(stdout + stderr).not.toMatch(/S3CRET/);
		}
		expect(readdirSync(here)).toEqual(['jobs.json']);
		if (process.platform === 'linux') {
			await add(jobs);
			const worker = startWorker(here, '--root', 's3://shots', '--until-empty');
			await worker.seen('progress');
			const children = readFileSync(
				`/proc/${worker.process.pid}/task/${worker.process.pid}/children`,
				'utf8',
			).trim();
			for (const child of children.split(' ')) {
				const environment = readFileSync(`/proc/${child}/environ`, 'utf8');
				expect(environment).toContain('PROPAGATE_HOME');
				expect(environment).not.toMatch(/S3CRET|PROPAGATE_REDIS/);
			}
			const { stdout, stderr } = await worker.done;
			expect(stdout + stderr).not.toMatch(/S3CRET/);
		}
	});
});
