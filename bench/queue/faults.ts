/**
 * What becomes of a queue when everything fails: three workers, each in a network of its own, of which one after another is killed at random,
 * Redis that crashes and comes back, networks that are cut for longer than a lease. Every result must be there once, with the bytes that one
 * machine makes of the same list. Linux, root, `ip` and redis-server.
 *
 *     npm run bench:queue-faults -- [--clips 60] [--frames 24] [--kills 12] [--restarts 2] [--cuts 4]
 *
 * Clips are small and the program is the tests' quick one: what is looked at is the queue.
 */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { contents } from '../../test/helpers/contents.js';
import installQuickProgram from '../../test/helpers/quick-program.js';
import { startRedis } from '../../test/helpers/redis-server.js';
import { head, row } from '../table.js';
import { makeShots, makeWorkplace, type Run, start } from './workplace.js';

const { values } = parseArgs({
	options: {
		clips: { type: 'string', default: '60' },
		frames: { type: 'string', default: '24' },
		kills: { type: 'string', default: '12' },
		restarts: { type: 'string', default: '2' },
		cuts: { type: 'string', default: '4' },
	},
});
const [clips, frames] = [Number(values.clips), Number(values.frames)];
const left = { kill: Number(values.kills), restart: Number(values.restarts), cut: Number(values.cuts) };
const done = { kill: 0, restart: 0, cut: 0 };
const WORKERS = [0, 1, 2] as const;
const LEASE_SECONDS = 3;

const ip = (...words: string[]): void => {
	execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'inherit'] });
};
const networkOf = (worker: number) => ({
	space: `pq-bench-${worker}`,
	here: `pqb${worker}a`,
	there: `pqb${worker}b`,
	host: `10.231.${worker}.1`,
	guest: `10.231.${worker}.2`,
});

/** A network with nothing in it but a worker and a cable to this machine. */
const makeNetwork = (worker: number): void => {
	const { space, here, there, host, guest } = networkOf(worker);
	ip('netns', 'add', space);
	ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', space);
	ip('addr', 'add', `${host}/30`, 'dev', here);
	ip('link', 'set', here, 'up');
	ip('-n', space, 'addr', 'add', `${guest}/30`, 'dev', there);
	ip('-n', space, 'link', 'set', there, 'up');
	ip('-n', space, 'link', 'set', 'lo', 'up');
};

const removeQuick = installQuickProgram();
const quick = join(process.env.PROPAGATE_TEST_QUICK ?? '', 'dist/cli/main.js');
const place = makeWorkplace();
const shots = await makeShots(place, clips, frames);
const listFor = (results: string): string => {
	const jobs = Array.from({ length: clips }, (_, n) => {
		const name = `shot${String(n).padStart(3, '0')}`;
		const output = [join(results, name), ...(n % 2 === 0 ? [`${join(results, name)}-alpha.mkv`] : [])];
		// Every fourth one makes a video alone.
		return { input: name, mask: `${name}.png`, output: n % 4 === 0 ? output.slice(1) : output };
	});
	const path = join(shots, `${results.split('/').at(-1)}.json`);
	writeFileSync(path, JSON.stringify(jobs));
	return path;
};
WORKERS.forEach(makeNetwork);
const redis = await startRedis([
	...['--bind', '127.0.0.1', ...WORKERS.map((worker) => networkOf(worker).host), '--protected-mode', 'no'],
]);
try {
	const [alone, together] = [join(place, 'alone'), join(place, 'together')];
	const batch = start(quick, ['batch', listFor(alone), '--threads', '1'], {
		env: { PROPAGATE_HOME: join(place, 'home') },
	});
	if ((await batch.ended) !== 0) {
		throw new Error('The list does not work on one machine.');
	}
	console.log(`one machine: ${JSON.stringify(batch.events.at(-1))}`);

	const here = { env: { PROPAGATE_REDIS: redis.url } };
	await start(quick, ['queue', 'add', listFor(together)], here).ended;
	const all: Run[] = [];
	const startWorker = (worker: number): Run => {
		const { space, host } = networkOf(worker);
		const run = start(
			quick,
			[
				...['queue', 'work', '--root', place, '--lease', String(LEASE_SECONDS), '--threads', '1'],
				...['--redis', `redis://${host}:${redis.port}`],
			],
			{ before: ['ip', 'netns', 'exec', space], env: { PROPAGATE_HOME: join(place, `home-${worker}`) } },
		);
		all.push(run);
		return run;
	};
	const workers = WORKERS.map(startWorker);
	const anyOf = <Item>(items: readonly Item[]): Item => items[Math.floor(Math.random() * items.length)]!;
	const counts = async (): Promise<Record<string, number>> => {
		const status = start(quick, ['queue', 'status'], here);
		await status.ended;
		return status.events.at(-1)?.jobs as Record<string, number>;
	};
	const began = performance.now();
	for (;;) {
		const jobs = await counts();
		if ((jobs.completed ?? 0) + (jobs.failed ?? 0) === clips) {
			break;
		}
		const worker = anyOf(WORKERS);
		const fault = anyOf(
			(['kill', 'restart', 'cut'] as const).flatMap((name) => Array(left[name]).fill(name)),
		);
		if (fault === undefined) {
			await setTimeout(1000);
			continue;
		}
		left[fault as keyof typeof left]--;
		done[fault as keyof typeof done]++;
		if (fault === 'kill') {
			workers[worker]?.process.kill('SIGKILL');
			await workers[worker]?.ended;
			workers[worker] = startWorker(worker);
		} else if (fault === 'restart') {
			await redis.kill();
			await setTimeout(1000);
			await redis.start();
		} else {
			ip('link', 'set', networkOf(worker).here, 'down');
			await setTimeout(LEASE_SECONDS * 2000);
			ip('link', 'set', networkOf(worker).here, 'up');
			ip('addr', 'replace', `${networkOf(worker).host}/30`, 'dev', networkOf(worker).here);
		}
		await setTimeout(Math.random() * 4000);
	}
	const seconds = (performance.now() - began) / 1000;
	const jobs = await counts();
	for (const { process } of workers) {
		process.kill('SIGTERM');
	}
	await Promise.all(workers.map(({ ended }) => ended));

	const [expected, found] = [contents(alone), contents(together)];
	const differs = [...new Set([...expected.keys(), ...found.keys()])].filter(
		(name) => !(expected.get(name)?.equals(found.get(name) ?? Buffer.alloc(0)) ?? false),
	);
	const told = (type: string) => all.flatMap(({ events }) => events.filter((event) => event.type === type));
	const finished = told('finished');
	const resumed = finished.filter(({ resumedFrames, computedFrames, frames: count, wasFinished }) =>
		wasFinished === true ? false : Number(resumedFrames) > 0 || Number(computedFrames) < Number(count) - 1,
	);
	console.log(head('what', 'count'));
	console.log(row('clips, of frames', `${clips}, ${frames}`));
	console.log(row('workers killed (SIGKILL)', String(done.kill)));
	console.log(row('Redis killed (SIGKILL) and started again', String(done.restart)));
	console.log(
		row(`a worker's network cut for ${LEASE_SECONDS * 2} s (lease ${LEASE_SECONDS} s)`, String(done.cut)),
	);
	console.log(row('jobs begun', String(told('started').length)));
	console.log(row('of them lost with a worker that was cut off', String(told('lost').length)));
	console.log(row('gone on with from finished frames', String(resumed.length)));
	console.log(
		row(
			'found finished by a second worker',
			String(finished.filter(({ wasFinished }) => wasFinished).length),
		),
	);
	console.log(
		row('failed and tried again', String(told('failed').filter(({ willBeRetried }) => willBeRetried).length)),
	);
	console.log(row('jobs completed', String(jobs.completed)));
	console.log(row('jobs failed', String(jobs.failed)));
	console.log(row('files of one machine', String(expected.size)));
	console.log(row('files that differ, lack or are too many', String(differs.length)));
	console.log(row('seconds', seconds.toFixed(0)));
	if (differs.length > 0) {
		console.log(differs.slice(0, 20).join('\n'));
		process.exitCode = 1;
	}
	for (const event of [...told('failed'), ...told('trouble')].slice(0, 20)) {
		console.log(JSON.stringify(event));
	}
} finally {
	await redis.close();
	for (const worker of WORKERS) {
		ip('netns', 'del', networkOf(worker).space);
	}
	removeQuick?.();
	if (process.exitCode !== 1) {
		rmSync(place, { recursive: true, force: true });
	} else {
		console.log(`left for a look: ${place}`);
	}
}
