/**
 * How many clips at a time `propagate batch` does quickest: the same list with `--jobs 1` and with `--jobs 2`, in turn, on all cores of this
 * machine. Says how busy it was otherwise, because on a busy one the numbers mean little. Three minutes on two quiet cores.
 *
 *     npm run bench:batch-jobs -- [--clips 8] [--frames 24] [--rounds 2] [--jobs 1,2]
 */
import { rmSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { head, mean, row } from '../table.js';
import { makeShots, makeWorkplace, start } from './workplace.js';

const { values } = parseArgs({
	options: {
		clips: { type: 'string', default: '8' },
		frames: { type: 'string', default: '24' },
		rounds: { type: 'string', default: '2' },
		jobs: { type: 'string', default: '1,2' },
	},
});
const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const [clips, frames] = [Number(values.clips), Number(values.frames)];

const place = makeWorkplace();
const shots = await makeShots(place, clips, frames);
/** Frames a second of the whole command, its start and all. */
const rateOf = async (jobs: string): Promise<number> => {
	const results = join(place, 'out');
	const began = performance.now();
	const run = start(program, ['batch', shots, '-o', results, '--jobs', jobs], {
		// Nothing is kept from round to round.
		env: { PROPAGATE_HOME: join(place, 'home') },
	});
	if ((await run.ended) !== 0) {
		throw new Error(`--jobs ${jobs} failed.`);
	}
	const seconds = (performance.now() - began) / 1000;
	rmSync(results, { recursive: true });
	rmSync(join(place, 'home'), { recursive: true, force: true });
	return (clips * frames) / seconds;
};

try {
	const rates = new Map(values.jobs.split(',').map((jobs): [string, number[]] => [jobs, []]));
	const before = loadavg()[0] ?? 0;
	for (let round = 0; round < Number(values.rounds); round++) {
		for (const [jobs, all] of rates) {
			all.push(await rateOf(jobs));
		}
	}
	console.log(`${cpus().length} cores of ${cpus()[0]?.model}; load before ${before.toFixed(1)}`);
	console.log(head('--jobs', 'frames/s', 'against the first'));
	const [first = []] = rates.values();
	for (const [jobs, all] of rates) {
		console.log(
			row(jobs, all.map((rate) => rate.toFixed(2)).join(', '), (mean(all) / mean(first)).toFixed(2)),
		);
	}
} finally {
	rmSync(place, { recursive: true, force: true });
}
