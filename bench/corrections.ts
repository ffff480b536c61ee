/**
 * What three corrections bring on a clip: J&F without and with them, and how much of the first run's time the second takes.
 * Prints the table of docs/corrections.md.
 *
 *     npm run build && tsx bench/corrections.ts ../shared/data/davis-train --sequences dance-jump [--frames 15,30,45]
 *
 * The corrections are the true masks of three frames. Unless given, they are chosen as a person would who has no truth:
 * the frames that the first run trusts least, one from each third of the clip. Painted frames (the first and the three) are
 * scored in neither run, nor is the last frame, as in DAVIS: both numbers are means over the same frames, none of which any
 * run was given. The two runs are whole runs of the command in processes of their own, model loading and writing of files
 * included, one after the other in an empty PROPAGATE_HOME. From a copy of what the first run left, the corrections are also
 * added one at a time, in the order of time, as a person does who looks at each result: three more runs, each beside the
 * first one. Linux only, for the CPU time.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { LabelMap } from '../src/core/frame.js';
import type { PaintedFile } from '../src/core/painted-file.js';
import { type DavisSequence, listDavisSequences } from '../src/evaluation/davis-dataset.js';
import { scoreSequence } from '../src/evaluation/sequence-score.js';
import { mean } from '../src/evaluation/statistics.js';
import { readLabelMap } from '../src/media/label-map.js';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		sequences: { type: 'string' },
		frames: { type: 'string' },
		preset: { type: 'string' },
		model: { type: 'string' },
	},
});
const [root] = positionals;
if (root === undefined) {
	throw new Error('Give a folder in DAVIS layout.');
}

const command = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const home = await mkdtemp(join(tmpdir(), 'corrections-'));

/** DAVIS 2016 marks its one object with whatever is not 0. */
const asOneObject = (mask: LabelMap): LabelMap =>
	new Set(mask.ids).size <= 2 ? { ...mask, ids: mask.ids.map((id) => (id === 0 ? 0 : 1)) } : mask;

/** One frame of each third of the clip, the least trusted one that is not at a third's edge. */
const leastTrusted = (confidences: readonly number[]): number[] =>
	[0, 1, 2].map((third) => {
		const from = Math.round((confidences.length * (third + 0.15)) / 3);
		const to = Math.round((confidences.length * (third + 0.95)) / 3);
		const part = confidences.slice(from, to);
		return from + part.indexOf(Math.min(...part));
	});

/** CPU seconds of all children of this process that have ended, and of theirs (proc(5), fields 16 and 17, in hundredths). */
const childrenCpuSeconds = async (): Promise<number> => {
	const text = await readFile('/proc/self/stat', 'utf8');
	const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
	return (Number(fields[13]) + Number(fields[14])) / 100;
};

type Progress = { readonly type: string; readonly confidence?: number };

const run = async (
	sequence: DavisSequence,
	masks: readonly PaintedFile[],
	propagateHome: string,
	name: string,
) => {
	const output = join(home, sequence.name, name);
	const options = [
		...masks.flatMap(({ frame, path }) => ['--mask', `${frame}=${path}`]),
		...['-o', output, '--device', 'cpu', '--json'],
		...(values.model === undefined ? [] : ['--model', values.model]),
		...(values.preset === undefined ? [] : ['--preset', values.preset]),
	];
	const confidences: number[] = [];
	const cpuBefore = await childrenCpuSeconds();
	const started = performance.now();
	const child = spawn(process.execPath, [command, sequence.framesFolder, ...options], {
		env: { ...process.env, PROPAGATE_HOME: propagateHome },
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	const ended = once(child, 'exit');
	for await (const line of createInterface({ input: child.stdout })) {
		const { type, confidence } = JSON.parse(line) as Progress;
		if (type === 'progress' && confidence !== undefined) {
			confidences.push(confidence);
		}
	}
	await ended;
	if (child.exitCode !== 0) {
		throw new Error(`The run on "${sequence.name}" failed.`);
	}
	return {
		output,
		confidences,
		seconds: (performance.now() - started) / 1000,
		cpuSeconds: (await childrenCpuSeconds()) - cpuBefore,
	};
};

const score = async ({ annotations }: DavisSequence, output: string, given: readonly number[]) => {
	const scorer = scoreSequence(1);
	for (const { index, path } of annotations.slice(0, -1)) {
		if (!given.includes(index)) {
			const truth = asOneObject(await readLabelMap(path));
			const found = asOneObject(await readLabelMap(join(output, `${String(index).padStart(5, '0')}.png`)));
			scorer.add(truth, found);
		}
	}
	return mean(scorer.scores().map(({ jAndF }) => jAndF));
};

const row = (...cells: string[]): string => `| ${cells.join(' | ')} |`;
const share = (part: number, whole: number): string => (part / whole).toFixed(2);

console.log(
	row(
		...['sequence (frames)', 'corrected frames', 'J&F before', 'after'],
		...['first run: s', 'CPU s', 'all at once: time', 'CPU time', 'one at a time: time', 'CPU time'],
	),
);
console.log(row('---', '---', ...Array<string>(8).fill('---:')));
try {
	for (const sequence of await listDavisSequences(root, values.sequences?.split(','))) {
		const truthOf = (frame: number): PaintedFile => {
			const annotation = sequence.annotations.find(({ index }) => index === frame);
			if (annotation === undefined) {
				throw new Error(`"${sequence.name}" has no true mask of frame ${frame}.`);
			}
			return { frame, path: annotation.path };
		};
		const [caches, copies] = [join(home, sequence.name, 'home'), join(home, sequence.name, 'copy')];
		const before = await run(sequence, [truthOf(0)], caches, 'before');
		const corrected = values.frames?.split(',').map(Number) ?? leastTrusted(before.confidences);
		const given = [0, ...corrected];
		await cp(caches, copies, { recursive: true });
		const after = await run(sequence, given.map(truthOf), caches, 'after');
		const steps: Awaited<ReturnType<typeof run>>[] = [];
		for (let count = 1; count <= corrected.length; count++) {
			steps.push(await run(sequence, given.slice(0, count + 1).map(truthOf), copies, `step-${count}`));
		}
		console.log(
			row(
				`${sequence.name} (${before.confidences.length})`,
				corrected.join(', '),
				(100 * (await score(sequence, before.output, given))).toFixed(1),
				(100 * (await score(sequence, after.output, given))).toFixed(1),
				before.seconds.toFixed(1),
				before.cpuSeconds.toFixed(1),
				share(after.seconds, before.seconds),
				share(after.cpuSeconds, before.cpuSeconds),
				steps.map(({ seconds }) => share(seconds, before.seconds)).join(', '),
				steps.map(({ cpuSeconds }) => share(cpuSeconds, before.cpuSeconds)).join(', '),
			),
		);
	}
	console.log(`\n${availableParallelism()} cores, load at the end ${loadavg()[0]?.toFixed(1)}`);
} finally {
	await rm(home, { recursive: true, force: true });
}
