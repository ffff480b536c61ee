/**
 * Gives every reader of foreign files broken ones: `npm run fuzz -- --minutes 5`. Inputs are whole files that were changed in a few
 * places. A reader may be content or say in a sentence what is wrong; anything else is a fault: another kind of error, more
 * than five seconds of the processor, more than two gigabytes, or the end of the process. Faults are kept as files.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { mutate, Random } from './mutate.js';
import { fuzzTargets } from './targets.js';

type Work = {
	readonly seed: number;
	readonly first: number;
	readonly only: string | undefined;
	readonly folder: string;
};
type Report =
	| { readonly type: 'next'; readonly number: number; readonly target: string; readonly input: Uint8Array }
	| {
			readonly type: 'done';
			readonly target: string;
			readonly refused: boolean;
			readonly ms: number;
			readonly rss: number;
	  }
	| { readonly type: 'fault'; readonly target: string; readonly reason: string };

const MAX_MS = 5000;
const MAX_BYTES = 2 ** 31;
/** After so long without a word the thread is ended. */
const HANG_MS = 120_000;

/** Inputs are numbered, and a number and the seed say what an input is. */
const work = async ({ seed, first, only, folder }: Work): Promise<void> => {
	const targets = (await fuzzTargets()).filter(({ name }) => only === undefined || name.includes(only));
	const post = (report: Report): void => parentPort?.postMessage(report);
	for (let number = first; ; number++) {
		const random = new Random(seed * 1_000_003 + number);
		const target = targets[number % targets.length];
		if (target === undefined) {
			throw new Error(`There is nothing to read that is called "${only}".`);
		}
		const mutated = mutate(random.pick(target.seeds), random, target.seeds);
		const input = target.repair !== undefined && random.next() < 0.8 ? target.repair(mutated) : mutated;
		post({ type: 'next', number, target: target.name, input });
		const started = process.cpuUsage();
		let refused = false;
		try {
			await target.read(input, folder);
		} catch (error) {
			refused = true;
			const { name, message } = error as Error;
			if (name !== 'UserError' || message === '' || message.length > 2000) {
				post({
					type: 'fault',
					target: target.name,
					reason: `${name}: ${message}\n${(error as Error).stack}`,
				});
			}
		}
		// Not the time that passed: other work may have the processor.
		const { user, system } = process.cpuUsage(started);
		const ms = (user + system) / 1000;
		if (ms > MAX_MS) {
			post({
				type: 'fault',
				target: target.name,
				reason: `took ${(ms / 1000).toFixed(1)} s of the processor`,
			});
		}
		const { rss } = process.memoryUsage();
		if (rss > MAX_BYTES) {
			post({
				type: 'fault',
				target: target.name,
				reason: `left the process with ${(rss / 2 ** 30).toFixed(1)} GB`,
			});
		}
		post({ type: 'done', target: target.name, refused, ms, rss });
	}
};

/** Threads of Node 20 do not take over what loads TypeScript. */
const startWorker = `
	const { workerData } = require('node:worker_threads');
	import('tsx/esm/api').then(({ register }) => {
		register();
		return import(workerData.module);
	});
`;

type Tally = { inputs: number; refused: number; faults: number; slowest: number };

const main = async (): Promise<void> => {
	const { values } = parseArgs({
		options: {
			minutes: { type: 'string', default: '1' },
			inputs: { type: 'string', default: 'Infinity' },
			seed: { type: 'string', default: '1' },
			first: { type: 'string', default: '0' },
			only: { type: 'string' },
			keep: { type: 'string' },
		},
	});
	const until = performance.now() + 60_000 * Number(values.minutes);
	const keep = values.keep ?? mkdtempSync(join(tmpdir(), 'propagate-fuzz-'));
	mkdirSync(join(keep, 'work'), { recursive: true });
	const tallies = new Map<string, Tally>();
	const faults = new Set<string>();
	let [number, total, mostBytes] = [Number(values.first), 0, 0];
	let current: Extract<Report, { type: 'next' }> | undefined;

	const tally = (target: string): Tally => {
		const known = tallies.get(target) ?? { inputs: 0, refused: 0, faults: 0, slowest: 0 };
		tallies.set(target, known);
		return known;
	};
	const fault = (target: string, reason: string): void => {
		tally(target).faults++;
		// The same place fails again and again: one input of each is enough.
		const kind = `${target}: ${reason.replace(/[\d.]+/g, '0').slice(0, 160)}`;
		if (!faults.has(kind) && current !== undefined) {
			faults.add(kind);
			const file = join(keep, `${current.number}-${target.replace(/\W+/g, '-')}.bin`);
			writeFileSync(file, current.input);
			process.stdout.write(
				`FAULT ${target} (input ${current.number}, ${file})\n  ${reason.split('\n').slice(0, 6).join('\n  ')}\n`,
			);
		}
	};
	const isOver = (): boolean => performance.now() >= until || total >= Number(values.inputs);

	while (!isOver()) {
		const worker = new Worker(startWorker, {
			eval: true,
			workerData: {
				...{ module: import.meta.url, seed: Number(values.seed), first: number },
				...{ only: values.only, folder: join(keep, 'work') },
			} satisfies Work & { module: string },
			resourceLimits: { maxOldGenerationSizeMb: 1500 },
		});
		await new Promise<void>((resolve) => {
			let heard = performance.now();
			const watch = setInterval(() => {
				if (isOver()) {
					void worker.terminate();
				} else if (performance.now() - heard > HANG_MS && current !== undefined) {
					fault(current.target, `hung for ${HANG_MS / 1000} s`);
					void worker.terminate();
				}
			}, 500);
			worker.on('message', (report: Report) => {
				heard = performance.now();
				switch (report.type) {
					case 'next':
						current = report;
						number = report.number + 1;
						break;
					case 'fault':
						fault(report.target, report.reason);
						break;
					case 'done': {
						const counts = tally(report.target);
						counts.inputs++;
						counts.refused += report.refused ? 1 : 0;
						counts.slowest = Math.max(counts.slowest, report.ms);
						mostBytes = Math.max(mostBytes, report.rss);
						total++;
					}
				}
			});
			worker.on('error', (error) => {
				if (current === undefined) {
					process.stderr.write(`${error.stack}\n`);
				}
				fault(current?.target ?? 'start', `the thread ended: ${error.message}`);
			});
			worker.on('exit', () => {
				clearInterval(watch);
				resolve();
			});
		});
		if (current === undefined) {
			break;
		}
	}
	for (const [target, { inputs, refused, faults: count, slowest }] of tallies) {
		process.stdout.write(
			`${target.padEnd(26)} ${String(inputs).padStart(8)} inputs ${String(refused).padStart(8)} refused ${String(count).padStart(5)} faults, slowest ${slowest.toFixed(0)} ms\n`,
		);
	}
	const count = [...tallies.values()].reduce((sum, { faults: own }) => sum + own, 0);
	process.stdout.write(
		`${total} inputs, ${count} faults, at most ${(mostBytes / 2 ** 20).toFixed(0)} MB; next: --first ${number}\n`,
	);
	process.exitCode = count === 0 && current !== undefined ? 0 : 1;
};

await (isMainThread ? main() : work(workerData as Work));
