/**
 * Whether two workers do twice as much as one: each on a core of its own, on the same list. One worker has the first core and the second in turn.
 * Says how busy the machine was otherwise, because on a busy one the numbers mean little. Linux, two cores, taskset and redis-server; three
 * minutes on two quiet ones.
 *
 *     npm run bench:queue-scaling -- [--clips 8] [--frames 24] [--rounds 2]
 */
import { rmSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startRedis } from '../../test/helpers/redis-server.js';
import { head, mean, row } from '../table.js';
import { makeShots, makeWorkplace, start } from './workplace.js';

const { values } = parseArgs({
	options: {
		clips: { type: 'string', default: '8' },
		frames: { type: 'string', default: '24' },
		rounds: { type: 'string', default: '2' },
	},
});
const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const [clips, frames] = [Number(values.clips), Number(values.frames)];

const place = makeWorkplace();
const shots = await makeShots(place, clips, frames);
/** Frames a second from the first job that is begun to the last that is finished: starting is not counted. */
const rateOf = async (cores: readonly number[], round: number): Promise<number> => {
	const redis = await startRedis();
	const env = { PROPAGATE_REDIS: redis.url, PROPAGATE_HOME: join(place, 'home') };
	const results = join(place, `out-${cores.length}-${round}`);
	await start(program, ['queue', 'add', shots, '-o', results], { env }).ended;
	const workers = cores.map((core) =>
		start(program, ['queue', 'work', '--root', place, '--until-empty'], {
			env,
			before: ['taskset', '-c', String(core)],
		}),
	);
	let [began, ended] = [Number.POSITIVE_INFINITY, 0];
	for (const { process, events } of workers) {
		process.stdout?.on('data', () => {
			const last = events.at(-1)?.type;
			began = last === 'started' ? Math.min(began, performance.now()) : began;
			ended = last === 'finished' ? performance.now() : ended;
		});
	}
	await Promise.all(workers.map(({ ended }) => ended));
	await redis.close();
	rmSync(results, { recursive: true });
	const seconds = (ended - began) / 1000;
	return (clips * frames) / seconds;
};

try {
	const rates: Record<'one' | 'two', number[]> = { one: [], two: [] };
	const before = loadavg()[0] ?? 0;
	for (let round = 0; round < Number(values.rounds); round++) {
		rates.one.push(await rateOf([round % 2], round));
		rates.two.push(await rateOf([0, 1], round));
	}
	console.log(`${cpus().length} cores of ${cpus()[0]?.model}; load before ${before.toFixed(1)}`);
	console.log(head('workers, each with a core', 'frames/s', 'against one'));
	const one = mean(rates.one);
	for (const [name, all] of Object.entries(rates)) {
		console.log(row(name, all.map((rate) => rate.toFixed(2)).join(', '), (mean(all) / one).toFixed(2)));
	}
} finally {
	rmSync(place, { recursive: true, force: true });
}
