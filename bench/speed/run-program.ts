import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Stage } from '../../src/core/stage-clock.js';
import { median } from '../table.js';

const command = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** What one run of the command took. CPU time and memory are read from /proc: Linux only, else not a number. */
export type ProgramRun = {
	readonly frames: number;
	/** From the start of the process to its end. */
	readonly seconds: number;
	/** From the start of the process to the first mask. */
	readonly firstMaskSeconds: number;
	/** Passed time for each frame after the first mask. */
	readonly secondsPerFrame: number;
	/** User and system time of all threads, and of ffmpeg, for each frame after the first mask. */
	readonly cpuSecondsPerFrame: number;
	/** Highest resident memory of the program itself, ffmpeg left out. */
	readonly peakMegabytes: number;
	/** Time in which at least one frame was in a stage, waiting for a core included. */
	readonly stageMilliseconds: Readonly<Record<Stage, number>>;
};

type JsonLine = { readonly type: string; readonly stages?: Readonly<Record<Stage, number>> };

/** Often enough to catch a peak that lasts for some frames. */
const POLL_MILLISECONDS = 100;

const proc = (pid: number, file: string): Promise<string> =>
	readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');

/** Fields 14 to 17 of proc(5)'s stat, in hundredths: user and system time, own and of children that have ended. */
const cpuSecondsOf = async (pid: number): Promise<number> => {
	const text = await proc(pid, 'stat');
	const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
	return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / 100;
};

/** CPU seconds that a process and the programs it has started have used; 0 when it has ended. */
const cpuSecondsWithChildren = async (pid: number): Promise<number> => {
	const children = (await proc(pid, `task/${pid}/children`)).split(' ').filter(Boolean).map(Number);
	const seconds = await Promise.all([pid, ...children].map(cpuSecondsOf));
	return seconds.reduce((sum, each) => sum + each, 0);
};

/** The kernel's own high-water mark, which is gone with the process; 0 then. */
const peakMegabytesOf = async (pid: number): Promise<number> =>
	Number(/VmHWM:\s*(\d+) kB/.exec(await proc(pid, 'status'))?.[1] ?? 0) / 1024;

/**
 * One run of the command in a process of its own, as a person would start it; on the CPU, and with nothing taken from
 * earlier runs.
 *
 * @param options further options of the command, such as `--quality fast`
 * @throws Error when the run fails
 */
export const runProgram = async (
	clip: string,
	mask: string,
	options: readonly string[] = [],
): Promise<ProgramRun> => {
	const out = await mkdtemp(join(tmpdir(), 'bench-'));
	const fixed = ['--mask', mask, '-o', join(out, 'masks'), '--device', 'cpu', '--no-cache', '--json'];
	const start = performance.now();
	const child = spawn(process.execPath, [command, clip, ...fixed, ...options], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	const pid = child.pid ?? 0;
	let peakMegabytes = 0;
	const watch = setInterval(async () => {
		peakMegabytes = Math.max(peakMegabytes, await peakMegabytesOf(pid));
	}, POLL_MILLISECONDS);
	try {
		let frames = 0;
		let first: { readonly at: number; readonly cpu: number } | undefined;
		let last = { at: Number.NaN, cpu: Number.NaN };
		let stageMilliseconds: ProgramRun['stageMilliseconds'] | undefined;
		for await (const line of createInterface({ input: child.stdout })) {
			const record = JSON.parse(line) as JsonLine;
			if (record.type === 'progress') {
				frames++;
				last = { at: performance.now(), cpu: (await cpuSecondsWithChildren(pid)) || last.cpu };
				first ??= last;
			}
			stageMilliseconds ??= record.stages;
		}
		if (stageMilliseconds === undefined || first === undefined) {
			throw new Error(`The run on ${clip} did not finish.`);
		}
		return {
			frames,
			seconds: (performance.now() - start) / 1000,
			firstMaskSeconds: (first.at - start) / 1000,
			secondsPerFrame: (last.at - first.at) / 1000 / (frames - 1),
			cpuSecondsPerFrame: (last.cpu - first.cpu) / (frames - 1),
			peakMegabytes: peakMegabytes || Number.NaN,
			stageMilliseconds,
		};
	} finally {
		clearInterval(watch);
		await rm(out, { recursive: true });
	}
};

/** Median seconds from the start of `propagate --help` to its end, and all of them. */
export const helpSeconds = async (runs: number): Promise<{ median: number; all: readonly number[] }> => {
	const all: number[] = [];
	for (let run = 0; run < runs; run++) {
		const start = performance.now();
		const child = spawn(process.execPath, [command, '--help'], { stdio: 'ignore' });
		await new Promise((resolve) => child.on('close', resolve));
		all.push((performance.now() - start) / 1000);
	}
	return { median: median(all), all };
};
