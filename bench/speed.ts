/**
 * Speed of the whole program, from the command line to the written masks, and where the time goes.
 *
 *     npm run bench [-- --clip clip.mp4 --mask first.png --runs 3 --model name]
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openClip } from '../src/media/clip.js';
import type { ClipInfo } from '../src/media/frame.js';
import { findModel } from '../src/models/registry.js';
import { type Stage, stages } from '../src/propagation/stage-clock.js';
import { openRuntime } from '../src/runtime/onnx-runtime.js';
import { stepFlops } from './graph-flops.js';
import { matMulPeak } from './machine-peak.js';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const { values } = parseArgs({
	options: {
		clip: { type: 'string', default: here('../samples/bear/clip.mp4') },
		mask: { type: 'string', default: here('../samples/bear/first.png') },
		runs: { type: 'string', default: '3' },
		model: { type: 'string' },
		preset: { type: 'string' },
		quality: { type: 'string' },
	},
});

type Run = {
	readonly frames: number;
	readonly seconds: number;
	/** From the start of the process to the first mask. */
	readonly firstMaskSeconds: number;
	/** User and system time of all threads for each frame after the first; Linux only. */
	readonly cpuSecondsPerFrame: number;
	readonly stageMilliseconds: Readonly<Record<Stage, number>>;
};

type JsonLine = { readonly type: string; readonly stages?: Readonly<Record<Stage, number>> };

/** CPU seconds that a process has used (proc(5), fields 14 and 15, in hundredths). */
const cpuSecondsOf = async (pid: number): Promise<number> => {
	const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
	const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
	return (Number(fields[11]) + Number(fields[12])) / 100;
};

/** One run of the command in a process of its own, as a person would start it. */
const runCommand = async (): Promise<Run> => {
	const out = await mkdtemp(join(tmpdir(), 'bench-'));
	try {
		const start = performance.now();
		const options = [
			...['--mask', values.mask, '-o', join(out, 'masks'), '--device', 'cpu', '--no-cache', '--json'],
			...(values.model === undefined ? [] : ['--model', values.model]),
			...(values.quality === undefined ? [] : ['--quality', values.quality]),
			...(values.preset === undefined ? [] : ['--preset', values.preset]),
		];
		const child = spawn(process.execPath, [here('../dist/cli/main.js'), values.clip, ...options], {
			stdio: ['ignore', 'pipe', 'inherit'],
		});
		let frames = 0;
		let firstMask: number | undefined;
		let firstCpu = Number.NaN;
		let lastCpu = Number.NaN;
		let timings: JsonLine['stages'];
		for await (const line of createInterface({ input: child.stdout })) {
			const record = JSON.parse(line) as JsonLine;
			if (record.type === 'progress') {
				frames++;
				lastCpu = (await cpuSecondsOf(child.pid ?? 0)) || lastCpu;
				if (firstMask === undefined) {
					firstMask = performance.now();
					firstCpu = lastCpu;
				}
			}
			timings ??= record.stages;
		}
		if (timings === undefined || firstMask === undefined) {
			throw new Error('The run did not finish.');
		}
		return {
			frames,
			seconds: (performance.now() - start) / 1000,
			firstMaskSeconds: (firstMask - start) / 1000,
			cpuSecondsPerFrame: (lastCpu - firstCpu) / (frames - 1),
			stageMilliseconds: timings,
		};
	} finally {
		await rm(out, { recursive: true });
	}
};

const costPerFrame = async (
	info: ClipInfo,
): Promise<{ peak: number; flops: Partial<Record<Stage, number>> }> => {
	const model = await findModel(values.model);
	const { descriptor, schedule } = model.manifest;
	if (descriptor.grid.mode !== 'stride' || schedule.saveTimesteps.length > 1) {
		throw new Error('Only models with one step and a grid that follows the image are counted.');
	}
	const runtime = openRuntime({ device: 'cpu' });
	try {
		return {
			peak: await matMulPeak(runtime),
			flops: { inversion: await stepFlops(model, info, runtime) },
		};
	} finally {
		await runtime.close();
	}
};

const median = (numbers: readonly number[]): number =>
	[...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const spread = (numbers: readonly number[]): string =>
	`${Math.min(...numbers).toFixed(3)} to ${Math.max(...numbers).toFixed(3)}`;
const row = (...cells: string[]): string => `| ${cells.join(' | ')} |`;

const { info } = await openClip(values.clip);
const { peak, flops } = await costPerFrame(info);
const load = loadavg()[0] ?? 0;
const runs: Run[] = [];
for (let run = 0; run < Number(values.runs); run++) {
	runs.push(await runCommand());
}

const frames = runs[0]?.frames ?? 0;
const rates = runs.map((run) => run.frames / run.seconds);
const starts = runs.map((run) => run.firstMaskSeconds);
console.log(
	`${info.width}×${info.height}, ${frames} frames, ${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown processor'}), load before the runs ${load.toFixed(1)}, ${runs.length} runs:`,
);
console.log(`- end to end ${median(rates).toFixed(2)} frames/s (${spread(rates)}), start-up included`);
console.log(`- first mask after ${median(starts).toFixed(2)} s (${spread(starts)})`);
const cpu = runs.map((run) => run.cpuSecondsPerFrame);
console.log(`- ${median(cpu).toFixed(3)} CPU seconds a frame (${spread(cpu)}), start-up excluded`);
console.log(`- matrix-multiply peak ${peak.toFixed(0)} GFLOP/s, float32, same runtime and threads\n`);
console.log(row('stage', 'ms a frame', 'GFLOP a frame', 'GFLOP/s', 'of peak'));
console.log(row('---', '---:', '---:', '---:', '---:'));
for (const stage of stages) {
	const milliseconds = median(runs.map((run) => run.stageMilliseconds[stage] / run.frames));
	const gflop = (flops[stage] ?? Number.NaN) / 1e9;
	const rate = gflop / (milliseconds / 1000);
	const counted = Number.isFinite(gflop);
	console.log(
		row(
			stage,
			milliseconds.toFixed(1),
			counted ? gflop.toFixed(1) : '',
			counted ? rate.toFixed(0) : '',
			counted ? `${((100 * rate) / peak).toFixed(0)} %` : '',
		),
	);
}
console.log('\nStages overlap, so they may add up to more than the time of a frame.');
