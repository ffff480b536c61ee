import { execFileSync } from 'node:child_process';
import {
	copyFileSync,
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import { Queue } from 'bullmq';
import { fastify } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type BoxClip, makeBoxClip, makeBoxFrames } from '../helpers/box-clip.js';
import { canRun } from '../helpers/can-run.js';
import { type CliResult, records } from '../helpers/cli.js';
import { contents } from '../helpers/contents.js';
import { lastOf, queueCli, type WorkerRun } from '../helpers/queue-cli.js';
import { freePort, type RedisServer, redisAvailable, startRedis } from '../helpers/redis-server.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

// On a machine that does other work too, each start of the command takes a while.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const FRAMES = 12;
const CLIPS = 4;

const opensslAvailable = canRun('openssl', 'version');

let material: string;
let redis: RedisServer;
let clip: BoxClip;
/** What one machine makes of the shots. */
let expected: Map<string, Buffer>;

/** Linux only. */
const descendants = (pid: number): number[] =>
	readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
		.split(' ')
		.filter(Boolean)
		.map(Number)
		.flatMap((child) => [...descendants(child), child]);

/** A folder with some clips of their own, each with a mask of its name. */
const makeShots = (count = CLIPS, place = temporaryFolder()): string => {
	const folder = join(place, 'shots');
	for (let n = 0; n < count; n++) {
		const frames = join(folder, `shot${n}`);
		mkdirSync(frames, { recursive: true });
		// Each begins at another frame, so that no two are the same.
		for (const [at, name] of readdirSync(clip.clip)
			.slice(n, n + FRAMES)
			.entries()) {
			copyFileSync(join(clip.clip, name), join(frames, `${String(at).padStart(5, '0')}.png`));
		}
		copyFileSync(clip.mask, join(folder, `shot${n}.png`));
	}
	return folder;
};

const cli = queueCli(() => redis.url);
const { start, run, status, list, until } = cli;
/** Puts the shots into the queue; their results go beside them. */
const add = (shots: string): Promise<unknown> => cli.add(shots, join(shots, '../out'));
const startWorker = (cwd: string, ...args: string[]): WorkerRun => cli.startWorker(cwd, args);
const listByCommand = async (cwd: string, state: string): Promise<Record<string, unknown>[]> => {
	const { code, stdout } = await run(cwd, 'queue', 'status', '--list', state, '--json');
	expect(code).toBe(0);
	return records(stdout);
};

describe.skipIf(!redisAvailable)('the queue (needs redis-server)', () => {
	beforeAll(async () => {
		material = mkdtempSync(join(tmpdir(), 'propagate-queue-'));
		clip = await makeBoxFrames(material, FRAMES + CLIPS);
		redis = await startRedis();
		const shots = makeShots(CLIPS, material);
		expect(await run(shots, 'batch', '.', '-o', '../out', '--threads', '1')).toMatchObject({ code: 0 });
		expected = contents(join(shots, '../out'));
	});
	beforeEach(() => {
		redis.ask('flushall');
	});
	afterAll(async () => {
		await redis.close();
		rmSync(material, { recursive: true, force: true });
	});

	test('two workers make what one machine makes, each result once', async () => {
		const shots = makeShots();
		const added = await run(shots, 'queue', 'add', '.', '-o', '../out', '--json');
		expect(lastOf(added)).toEqual({ type: 'done', added: CLIPS, known: 0 });
		// The same again is known; a mask that was painted anew makes another job of it.
		expect(lastOf(await run(shots, 'queue', 'add', '.', '-o', '../out', '--json'))).toMatchObject({
			added: 0,
			known: CLIPS,
		});
		expect(lastOf(await run(shots, 'queue', 'status', '--json'))).toMatchObject({
			jobs: { waiting: CLIPS, active: 0 },
		});

		const workers = [0, 1].map(() => startWorker(shots, '--root', '..', '--until-empty'));
		const ended = await Promise.all(workers.map(({ done }) => done));
		expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual([
			[0, ''],
			[0, ''],
		]);
		const finished = workers.flatMap(({ events }) => events.filter(({ type }) => type === 'finished'));
		expect(new Set(finished.map(({ job }) => job)).size).toBe(CLIPS);
		expect(finished).toHaveLength(CLIPS);
		expect(contents(join(shots, '../out'))).toEqual(expected);

		const completed = await listByCommand(shots, 'completed');
		expect(completed).toHaveLength(CLIPS);
		for (const job of completed) {
			expect(job).toMatchObject({
				program: expect.stringMatching(/^\d+\.\d+\.\d+/),
				model: 'propagate-small',
			});
		}
	});

	test('paths may be those of another machine: relative to a root', async () => {
		const shots = makeShots(1);
		const place = join(shots, '..');
		expect(await run(shots, 'queue', 'add', '.', '-o', '../out', '--root', '..')).toMatchObject({ code: 0 });
		expect((await list('waiting'))[0]).toMatchObject({ clip: 'shots/shot0', outputs: ['out/shot0'] });
		const elsewhere = `${place}-elsewhere`;
		renameSync(place, elsewhere);
		mkdirSync(place);
		const { code } = await startWorker(join(elsewhere, 'shots'), '--root', elsewhere, '--until-empty').done;
		expect(code).toBe(0);
		expect(existsSync(join(elsewhere, 'out/shot0/00011.png'))).toBe(true);
		rmSync(elsewhere, { recursive: true });

		const outside = await run(
			temporaryFolder(),
			'queue',
			'add',
			shots.replace(place, temporaryFolder()),
			'--root',
			material,
		);
		expect(outside.code).toBe(2);
	});

	test('a worker that is killed loses nothing: another goes on from its finished frames', async () => {
		const shots = makeShots(1);
		await add(shots);
		const first = startWorker(shots, '--root', '..', '--lease', '2');
		await vi.waitFor(() => expect(existsSync(join(shots, '../out/shot0/00005.png'))).toBe(true), {
			timeout: 100_000,
			interval: 5,
		});
		first.process.kill('SIGKILL');
		await first.done;
		expect(existsSync(join(shots, '../out/shot0/00011.png'))).toBe(false);
		const second = startWorker(shots, '--root', '..', '--lease', '2', '--until-empty');
		expect((await second.done).code).toBe(0);
		const result = await second.seen('finished');
		expect(result.frames).toBe(FRAMES);
		expect(Number(result.resumedFrames)).toBeGreaterThanOrEqual(5);
		expect(Number(result.computedFrames)).toBeLessThan(FRAMES - 3);
		expect(contents(join(shots, '../out'))).toEqual(
			new Map([...expected].filter(([name]) => name.startsWith('shot0'))),
		);
	});

	test('a worker that is told to stop hands back what it does not finish', async () => {
		const shots = makeShots(2);
		await add(shots);
		const first = startWorker(shots, '--root', '..', '--grace', '0');
		await first.seen('progress');
		first.process.kill('SIGTERM');
		const stopped = await first.done;
		expect([stopped.code, stopped.stderr]).toEqual([0, '']);
		expect(first.events.map(({ type }) => type)).toContain('handed back');
		expect(await status()).toMatchObject({ waiting: 2, active: 0, failed: 0 });
		const second = startWorker(shots, '--root', '..');
		await second.seen('progress');
		// With time enough, it finishes what it is at.
		second.process.kill('SIGTERM');
		await second.done;
		expect(second.events.map(({ type }) => type)).toContain('finished');
		expect(await status()).toMatchObject({ waiting: 1, active: 0, completed: 1 });
	});

	test('told twice, it hands back at once; told with all that it started, too', async () => {
		const shots = makeShots(1);
		const film = await makeBoxClip(temporaryFolder(), 200);
		copyFileSync(film.clip, join(shots, 'shot0.mp4'));
		rmSync(join(shots, 'shot0'), { recursive: true });
		await run(shots, 'queue', 'add', '.', '-o', '../out', '--format', 'overlay.mp4');
		const stop = async (tell: (worker: WorkerRun) => void): Promise<void> => {
			const worker = startWorker(shots, '--root', '..', '--grace', '300');
			await worker.seen('progress');
			tell(worker);
			const stopped = await worker.done;
			expect([stopped.code, stopped.stderr]).toEqual([0, '']);
			expect(worker.events.map(({ type }) => type).filter((type) => type !== 'progress')).toEqual([
				...['ready', 'started', 'handed back', 'done'],
			]);
			expect(await status()).toMatchObject({ waiting: 1, active: 0, delayed: 0, failed: 0 });
		};
		await stop(({ process }) => {
			process.kill('SIGTERM');
			globalThis.setTimeout(() => process.kill('SIGTERM'), 200);
		});
		if (process.platform === 'linux') {
			// As systemd does: every process of the service is told.
			await stop(({ process: worker }) => {
				for (const child of descendants(Number(worker.pid))) {
					process.kill(child, 'SIGTERM');
				}
				worker.kill('SIGTERM');
			});
		}
	});

	test('a Redis that crashes and comes back costs nothing', async () => {
		const shots = makeShots();
		await add(shots);
		const worker = startWorker(shots, '--root', '..', '--until-empty', '--lease', '30');
		await worker.seen('progress');
		await redis.kill();
		await worker.seen('connection');
		await setTimeout(500);
		await redis.start();
		expect((await worker.done).code).toBe(0);
		expect(contents(join(shots, '../out'))).toEqual(expected);
		expect(await status()).toMatchObject({ waiting: 0, active: 0, completed: CLIPS });
	});

	test('a worker that is told to stop while Redis is gone does not wait for it', async () => {
		const shots = makeShots(1);
		await add(shots);
		const worker = startWorker(shots, '--root', '..', '--grace', '0', '--lease', '10');
		await worker.seen('progress');
		await redis.kill();
		await worker.seen('connection');
		worker.process.kill('SIGTERM');
		expect((await worker.done).code).toBe(0);
		await redis.start();
		// Its lease runs out.
		const other = startWorker(shots, '--root', '..', '--until-empty', '--lease', '1');
		expect((await other.done).code).toBe(0);
		expect(await status()).toMatchObject({ active: 0, completed: 1 });
	});

	test('a worker that loses touch ends its work, and whoever comes next finishes it', async () => {
		const shots = makeShots(1);
		await add(shots);
		const worker = startWorker(shots, '--root', '..', '--until-empty', '--lease', '1');
		await worker.seen('progress');
		worker.process.kill('SIGSTOP');
		const other = startWorker(shots, '--root', '..', '--until-empty', '--lease', '1');
		await other.seen('started');
		worker.process.kill('SIGCONT');
		expect((await worker.done).code).toBe(0);
		expect((await other.done).code).toBe(0);
		expect(await status()).toMatchObject({ waiting: 0, active: 0, completed: 1, failed: 0 });
		expect(contents(join(shots, '../out'))).toEqual(
			new Map([...expected].filter(([name]) => name.startsWith('shot0'))),
		);
	});

	test('bad input is tried once and kept with its reason; what may pass is tried again', async () => {
		const shots = makeShots(2);
		writeFileSync(join(shots, 'shot0.png'), 'no picture');
		await add(shots);
		const worker = startWorker(shots, '--root', '.', '--root', '..');
		await until(({ completed }) => completed === 1);
		const [failed] = await list('failed');
		expect(failed).toMatchObject({ attempts: 1, reason: expect.stringMatching(/shot0.png/) });
		copyFileSync(clip.mask, join(shots, 'shot0.png'));
		// Storage goes away.
		renameSync(shots, `${shots}-away`);
		expect(lastOf(await run(join(shots, '..'), 'queue', 'retry', '--json'))).toEqual({
			type: 'done',
			retried: 1,
		});
		await until(({ delayed }) => delayed === 1);
		expect(
			worker.events.filter(({ type }) => type === 'failed').map(({ willBeRetried }) => willBeRetried),
		).toEqual([false, true]);
		renameSync(`${shots}-away`, shots);
		await until(({ completed }) => completed === 2);
		worker.process.kill('SIGTERM');
		await worker.done;
		expect(existsSync(join(shots, '../out/shot0/00011.png'))).toBe(true);
	});

	test('priorities, cancel and drain', async () => {
		const shots = makeShots(4);
		const jobOf = (n: number): string => {
			const path = join(shots, `${n}.json`);
			writeFileSync(
				path,
				JSON.stringify([{ input: `shot${n}`, mask: `shot${n}.png`, output: `../out/${n}` }]),
			);
			return path;
		};
		await cli.add(jobOf(0));
		expect(await run(shots, 'queue', 'add', jobOf(1), '--priority', '20')).toMatchObject({ code: 0 });
		await cli.add(jobOf(2), undefined, 1);
		await cli.add(jobOf(3), undefined, 30);
		const waiting = await list('waiting');
		expect(waiting.map(({ clip }) => String(clip).slice(-1))).toEqual(['2', '0', '1', '3']);
		expect(lastOf(await run(shots, 'queue', 'cancel', String(waiting[3]?.id), '--json'))).toMatchObject({
			removed: 1,
			givenUp: 0,
		});
		const beyond = await run(shots, 'queue', 'add', jobOf(3), '--priority', '2097152');
		expect([beyond.code, beyond.stderr]).toEqual([2, expect.stringContaining('is no priority')]);
		const unknown = await run(shots, 'queue', 'cancel', 'nobody');
		expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('There is no job "nobody"')]);

		const worker = startWorker(shots, '--root', '..');
		const first = await worker.seen('progress');
		expect(first.job).toBe(waiting[0]?.id);
		worker.process.kill('SIGSTOP');
		expect(lastOf(await run(shots, 'queue', 'cancel', String(first.job), '--json'))).toMatchObject({
			removed: 0,
			givenUp: 1,
		});
		expect(lastOf(await run(shots, 'queue', 'drain', '--json'))).toMatchObject({ removed: 2 });
		worker.process.kill('SIGCONT');
		await until(({ active }) => active === 0);
		expect(await status()).toMatchObject({ waiting: 0, delayed: 0 });
		worker.process.kill('SIGTERM');
		await worker.done;
		const [given] = await list('failed');
		// It may have been done before it was looked for.
		expect(given?.reason ?? 'Cancelled.').toBe('Cancelled.');
	});

	test('a hostile job reads and writes nothing outside, and runs nothing', async () => {
		const shots = makeShots(1);
		const place = join(shots, '..');
		const outside = temporaryFolder();
		copyFileSync(clip.mask, join(outside, 'secret.png'));
		symlinkSync(outside, join(shots, 'way-out'));
		symlinkSync(join(outside, 'new'), join(shots, 'to-nothing'));
		cpSync(join(shots, 'shot0'), join(shots, 'linked'), { recursive: true });
		symlinkSync(join(outside, 'secret.png'), join(shots, 'linked/00100.png'));
		writeFileSync(
			join(shots, 'preset.json'),
			JSON.stringify({ name: 'mine', description: '', model: `${outside}/model` }),
		);
		const good = { input: 'shots/shot0', mask: ['0=shots/shot0.png'], output: ['out/x'] };
		const upwards = relative(place, outside);
		const hostile: Record<string, unknown> = {
			'reads elsewhere': { command: { ...good, mask: [join(outside, 'secret.png')] } },
			'climbs out': { command: { ...good, input: `shots/../${upwards}` } },
			'reads through a link': { command: { ...good, mask: ['shots/way-out/secret.png'] } },
			'reads a pattern elsewhere': { command: { ...good, input: `${outside}/*.png` } },
			'reads a link among frames': { command: { ...good, input: 'shots/linked' } },
			'has too long a name': { command: { ...good, output: [`out/${'x'.repeat(300)}`] } },
			'names no result': { command: { ...good, output: undefined } },
			'names no result for a program': { command: { ...good, output: [], for: 'resolve' } },
			'writes elsewhere': { command: { ...good, output: [join(outside, 'new')] } },
			'writes through a link': { command: { ...good, output: ['shots/way-out/new'] } },
			'writes through a link to nothing': { command: { ...good, output: ['shots/to-nothing'] } },
			'writes a review elsewhere': { command: { ...good, review: join(outside, 'sheet.png') } },
			'writes where it may only read': { command: { ...good, output: [join(material, 'new')] } },
			'reads a model elsewhere': { command: { ...good, model: join(outside, 'model') } },
			'reads a model elsewhere by a preset': { command: { ...good, preset: 'shots/preset.json' } },
			'brings a program': { command: { ...good, ffmpeg: join(outside, 'ffmpeg') } },
			'has zero bytes': { command: { ...good, output: ['out\0/x'] } },
			'pollutes prototypes': JSON.parse('{"command": {"__proto__": {"input": "x"}, "constructor": 1}}'),
			'is something else': { clip: 'clip.mp4' },
			'is nothing': null,
		};
		const queue = new Queue('propagate', { connection: { host: '127.0.0.1', port: redis.port } });
		for (const [jobId, data] of Object.entries(hostile)) {
			await queue.add('clip', data, { jobId: jobId.replaceAll(' ', '-'), attempts: 8 });
		}
		await queue.add('clip', { command: good }, { jobId: 'good' });
		await queue.add('clip', { command: good }, { jobId: 'unreadable', delay: 3_600_000 });
		redis.ask('hset', 'bull:propagate:unreadable', 'data', '{not JSON');
		expect(await listByCommand(shots, 'delayed')).toMatchObject([
			{ id: 'unreadable', clip: '(not a job of propagate)' },
		]);
		expect(await run(shots, 'queue', 'cancel', 'unreadable')).toMatchObject({
			code: 2,
			stderr: expect.stringMatching(/^propagate: The job "unreadable" can't be read/),
		});
		await queue.remove('unreadable');
		const before = [contents(outside), contents(material)];
		const worker = startWorker(shots, '--root', '..', '--read-root', material, '--until-empty');
		expect((await worker.done).code).toBe(0);
		const failed = await list('failed');
		expect(failed.map(({ id }) => String(id).replaceAll('-', ' ')).sort()).toEqual(
			Object.keys(hostile).sort(),
		);
		for (const { id, attempts, reason } of failed) {
			expect([id, attempts]).toEqual([id, 1]);
			expect(reason).toMatch(
				/outside of the folders|can't be understood|link to nothing|name is too long|names no "output"/,
			);
		}
		expect(await queue.getCompletedCount()).toBe(1);
		await queue.close();
		expect([contents(outside), contents(material)]).toEqual(before);
	});

	test('tells Prometheus how it goes, on the loopback interface', async () => {
		const shots = makeShots(1);
		await add(shots);
		const worker = startWorker(shots, '--root', '..', '--metrics', '0');
		const { metrics } = await worker.seen('ready');
		expect(metrics).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
		await worker.seen('finished');
		await until(({ completed }) => completed === 1);
		const text = await (await fetch(String(metrics))).text();
		expect(text).toContain('propagate_queue_jobs{state="completed"} 1');
		expect(text).toContain('propagate_clips_total{result="finished"} 1');
		expect(text).toContain(`propagate_frames_total ${FRAMES}`);
		worker.process.kill('SIGTERM');
		await worker.done;
	});

	test("BullMQ's own dashboard shows the queue and its jobs", async () => {
		const shots = makeShots(3);
		writeFileSync(join(shots, 'shot2.png'), 'no picture');
		await add(shots);
		await startWorker(shots, '--root', '..', '--until-empty').done;
		writeFileSync(join(shots, 'shot1.png'), 'painted anew');
		await add(shots);
		const [failed] = await list('failed');

		const queue = new Queue('propagate', { connection: { host: '127.0.0.1', port: redis.port } });
		const serverAdapter = new FastifyAdapter();
		createBullBoard({ queues: [new BullMQAdapter(queue)], serverAdapter });
		const dashboard = fastify();
		await dashboard.register(serverAdapter.registerPlugin());
		const shown = async (state: string) => {
			const url = `/api/queues?activeQueue=propagate&status=${state}`;
			return (await dashboard.inject(url)).json().queues[0];
		};
		expect(await shown('failed')).toMatchObject({
			name: 'propagate',
			counts: { completed: 2, failed: 1, prioritized: 1, active: 0 },
			jobs: [{ id: failed?.id, failedReason: failed?.reason }],
		});
		expect((await shown('completed')).jobs[0].returnValue).toMatchObject({ frames: FRAMES });
		await dashboard.inject({ method: 'PUT', url: `/api/queues/propagate/${failed?.id}/retry` });
		expect(await status()).toMatchObject({ failed: 0, waiting: 2 });
		await dashboard.close();
		await queue.close();
	});

	test.skipIf(!opensslAvailable)('speaks TLS (needs openssl)', async () => {
		const folder = temporaryFolder();
		const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'ca.pem')];
		execFileSync(
			'openssl',
			[
				...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
				...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
			],
			{ stdio: 'ignore' },
		);
		const port = await freePort();
		const secure = await startRedis([
			...['--tls-port', String(port), '--tls-cert-file', certificate, '--tls-key-file', key],
			...['--tls-ca-cert-file', certificate, '--tls-auth-clients', 'no'],
		]);
		const env = { PROPAGATE_REDIS: `rediss://127.0.0.1:${port}` };
		const stranger = await start(folder, ['queue', 'status'], env).done;
		const trusted = await start(folder, ['queue', 'status'], { ...env, NODE_EXTRA_CA_CERTS: certificate })
			.done;
		await secure.close();
		expect([stranger.code, stranger.stderr]).toEqual([
			2,
			expect.stringMatching(/can't be used .*certificate/),
		]);
		expect(trusted).toMatchObject({ code: 0, stdout: expect.stringMatching(/^0 waiting/) });
	});

	test('a password lets it in, and is told to nobody', async () => {
		const guarded = await startRedis(['--requirepass', 'S3CRET']);
		const folder = temporaryFolder();
		const statusOf = (url: string): Promise<CliResult> =>
			start(folder, ['queue', 'status'], { PROPAGATE_REDIS: url, PROPAGATE_DEBUG: '1' }).done;
		expect(await statusOf(guarded.url.replace('//', '//:S3CRET@'))).toMatchObject({ code: 0 });
		const refused = [
			await statusOf(guarded.url.replace('//', '//:S3CRETS@')),
			await statusOf(guarded.url.replace(String(guarded.port), '1').replace('//', '//user:S3CRET@')),
			await statusOf('http://:S3CRET@127.0.0.1'),
			await statusOf('redis:S3CRET'),
			await statusOf(guarded.url),
		];
		await guarded.close();
		for (const { code, stdout, stderr } of refused) {
			expect([code, stdout]).toEqual([2, '']);
			expect(stderr.split('\n')[0]).toMatch(/^propagate: .*expected redis:\/\//);
			expect(stderr).not.toMatch(/S3CRET/);
		}
	});
});

describe('programs of the queue', () => {
	test('are loaded by those who need them alone', () => {
		const root = join(import.meta.dirname, '../../src');
		const eager = readdirSync(root, { recursive: true, encoding: 'utf8' })
			.filter((name) => name.endsWith('.ts'))
			.filter((name) =>
				/^import (?!type)[^;]*'(bullmq|ioredis|prom-client)'/m.test(readFileSync(join(root, name), 'utf8')),
			);
		expect(eager).toEqual([]);
	});
});
