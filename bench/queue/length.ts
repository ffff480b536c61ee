/**
 * What a long queue takes: memory of Redis for each job, and of those who fill it, list it and work on it, which must not grow with its
 * length. Linux and redis-server.
 *
 *     npm run bench:queue-length -- [--jobs 1000,100000]
 */
import { appendFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startRedis } from '../../test/helpers/redis-server.js';
import { head, row } from '../table.js';
import { makeShots, makeWorkplace, start } from './workplace.js';

const { values } = parseArgs({ options: { jobs: { type: 'string', default: '1000,100000' } } });
const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const place = makeWorkplace();
const shots = await makeShots(place, 1, 2);
console.log(
	head(
		'jobs',
		'the list',
		'adding',
		'client',
		'bytes of Redis a job',
		'listing',
		'client',
		'counting',
		'worker, the queue before it',
		'emptying',
	),
);
try {
	for (const count of values.jobs.split(',').map(Number)) {
		const redis = await startRedis();
		const here = { env: { PROPAGATE_REDIS: redis.url, PROPAGATE_HOME: join(place, 'home') }, keep: false };
		const memory = (): number => Number(/^used_memory:(\d+)/m.exec(redis.ask('info', 'memory'))?.[1]);
		const list = join(shots, 'jobs.csv');
		writeFileSync(list, 'input,mask,output,quality\n');
		for (let n = 0; n < count; n++) {
			appendFileSync(list, `shot000,shot000.png,../out/season-2/episode-07/shot-${n}/masks,best\n`);
		}
		const timed = async (...args: string[]) => {
			const began = performance.now();
			const run = start(program, args, here);
			if ((await run.ended) !== 0) {
				throw new Error(`${args.join(' ')} failed.`);
			}
			const seconds = (performance.now() - began) / 1000;
			return { seconds, megabytes: run.peakMegabytes(), lines: run.lines() };
		};
		const before = memory();
		const added = await timed('queue', 'add', list);
		const bytes = (memory() - before) / count;
		const listed = await timed('queue', 'status', '--list', 'waiting');
		if (listed.lines !== count) {
			throw new Error(`Of ${count} jobs, ${listed.lines} were listed.`);
		}
		const counted = await timed('queue', 'status');
		const worker = start(program, ['queue', 'work', '--root', place, '--grace', '0'], here);
		await setTimeout(10_000);
		worker.process.kill('SIGTERM');
		await worker.ended;
		const drained = await timed('queue', 'drain');
		const listBytes = statSync(list).size;
		console.log(
			row(
				count.toLocaleString('en'),
				`${(listBytes / 1e6).toFixed(1)} MB`,
				`${added.seconds.toFixed(1)} s`,
				`${added.megabytes.toFixed(0)} MB`,
				bytes.toFixed(0),
				`${listed.seconds.toFixed(1)} s`,
				`${listed.megabytes.toFixed(0)} MB`,
				`${counted.seconds.toFixed(1)} s`,
				`${worker.peakMegabytes().toFixed(0)} MB`,
				`${drained.seconds.toFixed(1)} s`,
			),
		);
		await redis.close();
	}
} finally {
	rmSync(place, { recursive: true, force: true });
}
