/**
 * Speed of the whole program, from the command line to the written masks, and where the time goes.
 *
 *     npm run bench [-- --clip clip.mp4 --mask first.png --runs 3 --model name --preset name --quality fast]
 *     npm run bench -- --full [--long] [--sizes 240p,480p,1080p --objects 1,3,10 --frames 60,600,2000]
 *
 * `--full` makes clips of other sizes and lengths, and masks of several objects, out of the clip; `--long` adds one of 2,000
 * frames; naming sizes, objects or frames runs all their combinations instead.
 */
import { availableParallelism, cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { qualities } from '../src/core/quality.js';
import { stages } from '../src/core/stage-clock.js';
import { openClip } from '../src/media/clip.js';
import { loadPreset, withQuality } from '../src/presets/preset.js';
import { defaultPoints, pointsOf, printGrid } from './speed/grid.js';
import { measureOneThread } from './speed/one-thread.js';
import { helpSeconds, type ProgramRun, runProgram } from './speed/run-program.js';
import { head, median, row, spread } from './table.js';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const { values } = parseArgs({
	options: {
		clip: { type: 'string', default: here('../samples/bear/clip.mp4') },
		mask: { type: 'string', default: here('../samples/bear/first.png') },
		runs: { type: 'string', default: '3' },
		model: { type: 'string' },
		preset: { type: 'string' },
		quality: { type: 'string' },
		full: { type: 'boolean', default: false },
		long: { type: 'boolean', default: false },
		sizes: { type: 'string' },
		objects: { type: 'string' },
		frames: { type: 'string' },
	},
});
const options = (['model', 'preset', 'quality'] as const).flatMap((name) => {
	const value = values[name];
	return value === undefined ? [] : [`--${name}`, value];
});

/** Starts of the command that only prints its help. */
const HELP_RUNS = 5;
/** Turns of the measurement on one thread: a second each. */
const ROUNDS = 7;

const printMachine = (): void => {
	const load = loadavg()[0] ?? 0;
	console.log(
		`${availableParallelism()} cores (${cpus()[0]?.model ?? 'unknown processor'}), load before the runs ${load.toFixed(1)}`,
	);
};

const printRuns = (runs: readonly ProgramRun[]): void => {
	const rates = runs.map((run) => run.frames / run.seconds);
	const frameMilliseconds = runs.map((run) => 1000 * run.secondsPerFrame);
	const starts = runs.map((run) => run.firstMaskSeconds);
	const cpu = runs.map((run) => run.cpuSecondsPerFrame);
	const peak = runs.map((run) => run.peakMegabytes);
	console.log(`- end to end ${median(rates).toFixed(2)} frames/s (${spread(rates, 2)}), start-up included`);
	console.log(`- first mask after ${median(starts).toFixed(2)} s (${spread(starts, 2)})`);
	console.log(
		`- ${median(frameMilliseconds).toFixed(1)} ms a frame after the first (${spread(frameMilliseconds, 1)})`,
	);
	console.log(
		`- ${median(cpu).toFixed(3)} CPU seconds a frame after the first (${spread(cpu)}), ffmpeg included`,
	);
	console.log(`- peak memory ${median(peak).toFixed(0)} MB (${spread(peak, 0)})\n`);
	console.log(head('stage', 'ms a frame in which it had work, waiting included'));
	for (const stage of stages) {
		console.log(row(stage, median(runs.map((run) => run.stageMilliseconds[stage] / run.frames)).toFixed(1)));
	}
	console.log('\nStages overlap, so they may add up to more than the time of a frame.\n');
};

const printOneThread = async (): Promise<void> => {
	const quality = qualities.find((name) => name === values.quality);
	const preset = withQuality(await loadPreset(values.preset), quality);
	const report = await measureOneThread(values.clip, values.model, preset, ROUNDS);
	console.log(
		head(
			...['on one thread', 'CPU ms a frame', 'spread', 'GFLOP: int8', 'float32', 'int16'],
			...['of the ceiling', 'of the float32 ceiling'],
		),
	);
	const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
	const gflop = (count: number): string => (count === 0 ? '' : (count / 1e9).toFixed(2));
	for (const { name, flops, milliseconds, ofOwnCeiling, ofFloatCeiling } of report.stages) {
		console.log(
			row(
				...[name, median(milliseconds).toFixed(1), spread(milliseconds, 1)],
				...[gflop(flops.int8), gflop(flops.float32), gflop(flops.int16)],
				...[percent(ofOwnCeiling), percent(ofFloatCeiling)],
			),
		);
	}
	const { float32, int8 } = report.peaks;
	const [, matching] = report.stages;
	console.log(
		`\nThe ceilings are the runtime's own matrix product on one thread, in turns with the rest: ${float32.toFixed(0)} GFLOP/s in float32, ${int8.toFixed(0)} in int8. "Of the ceiling": the time that the operations would take at the ceiling of their own precision, against the time they took; int16, in which the runtime has no product, is held against float32.`,
	);
	if (matching !== undefined) {
		const rate = report.exactMatchingFlops / median(matching.milliseconds) / 1e6;
		console.log(
			`An exact search in the same windows would be ${gflop(report.exactMatchingFlops)} GFLOP: in the time that matching takes, ${rate.toFixed(0)} GFLOP/s would be needed for it.`,
		);
	}
};

const { info } = await openClip(values.clip);
printMachine();
if (values.full) {
	const listed = (text: string): number[] => text.split(',').map(Number);
	const isChosen = [values.sizes, values.objects, values.frames].some((value) => value !== undefined);
	const points = isChosen
		? pointsOf(
				(values.sizes ?? '480p').split(','),
				listed(values.objects ?? '1'),
				listed(values.frames ?? '60'),
			)
		: defaultPoints(values.long);
	const { clip, mask } = values;
	await printGrid({ clip, mask }, points, options);
} else {
	const help = await helpSeconds(HELP_RUNS);
	const runs: ProgramRun[] = [];
	for (let run = 0; run < Number(values.runs); run++) {
		runs.push(await runProgram(values.clip, values.mask, options));
	}
	console.log(`${info.width}×${info.height}, ${runs[0]?.frames} frames, ${runs.length} runs:`);
	console.log(
		`- \`propagate --help\` ${help.median.toFixed(3)} s (${spread(help.all)}, ${help.all.length} starts)`,
	);
	printRuns(runs);
	await printOneThread();
}
