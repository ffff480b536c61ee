import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { makeBoxFrames } from '../../test/helpers/box-clip.js';

/** A folder for clips and results, which the benches of the queue work in. */
export const makeWorkplace = (): string => mkdtempSync(join(tmpdir(), 'bench-queue-'));

/** Clips of `frames` small frames each with a mask of its name, no two alike. @returns their folder */
export const makeShots = async (place: string, clips: number, frames: number): Promise<string> => {
	const all = await makeBoxFrames(place, clips + frames);
	const shots = join(place, 'shots');
	const names = readdirSync(all.clip);
	for (let n = 0; n < clips; n++) {
		const folder = join(shots, `shot${String(n).padStart(3, '0')}`);
		mkdirSync(folder, { recursive: true });
		for (const [at, name] of names.slice(n, n + frames).entries()) {
			copyFileSync(join(all.clip, name), join(folder, `${String(at).padStart(5, '0')}.png`));
		}
		copyFileSync(all.mask, `${folder}.png`);
	}
	return shots;
};

export type Run = {
	readonly process: ChildProcess;
	/** What it told, one record a line. */
	readonly events: Record<string, unknown>[];
	/** Highest resident memory of the process itself; Linux only. */
	readonly peakMegabytes: () => number;
	readonly lines: () => number;
	readonly ended: Promise<number | null>;
};

const POLL_MS = 50;

/** Starts `propagate … --json`. @param before words to start it with: `['taskset', '-c', '0']` */
export const start = (
	program: string,
	args: readonly string[],
	{
		before = [],
		env = {},
		keep = true,
	}: { before?: readonly string[]; env?: NodeJS.ProcessEnv; keep?: boolean } = {},
): Run => {
	const words = [...before, process.execPath, program, ...args, '--json'];
	const child = spawn(words[0] ?? '', words.slice(1), {
		stdio: ['ignore', 'pipe', 'inherit'],
		env: { ...process.env, ...env },
	});
	const events: Record<string, unknown>[] = [];
	let [peak, lines] = [0, 0];
	const watch = setInterval(async () => {
		const text = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
		peak = Math.max(peak, Number(/VmHWM:\s*(\d+) kB/.exec(text)?.[1] ?? 0) / 1024);
	}, POLL_MS);
	createInterface({ input: child.stdout }).on('line', (line) => {
		lines++;
		if (keep) {
			events.push(JSON.parse(line));
		}
	});
	const ended = new Promise<number | null>((resolve) => {
		child.on('close', (code) => {
			clearInterval(watch);
			resolve(code);
		});
	});
	return { process: child, events, ended, peakMegabytes: () => peak, lines: () => lines };
};
