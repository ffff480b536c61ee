/**
 * What three corrections bring on a clip: J&F without and with them, and how long the second run takes of the first.
 *
 *     npm run build && tsx bench/corrections.ts ../shared/data/davis-train --sequences dance-jump [--frames 15,30,45]
 *
 * The corrections are the true masks of three frames. Unless given, they are chosen as a person would who has no truth:
 * the frames that the first run trusts least, one from each third of the clip. Painted frames (the first and the three) are
 * scored in neither run, nor is the last frame, as in DAVIS: both numbers are means over the same frames, none of which any
 * run was given. The two runs are whole runs of the command, model loading and writing of files included, one after the
 * other in an empty PROPAGATE_HOME. From a copy of what the first run left, the corrections are also added one at a time, in
 * the order of time, as a person does who looks at each result: three more runs, each beside the first one.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { PaintedMask } from '../src/corrections/read-keyframes.js';
import { type DavisSequence, listDavisSequences } from '../src/evaluation/davis-dataset.js';
import { scoreSequence } from '../src/evaluation/sequence-score.js';
import { mean } from '../src/evaluation/statistics.js';
import { propagateClip } from '../src/jobs/propagate-clip.js';
import type { LabelMap } from '../src/media/frame.js';
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

const run = async (sequence: DavisSequence, masks: readonly PaintedMask[], name: string) => {
	const output = join(home, sequence.name, name);
	const confidences: number[] = [];
	const started = performance.now();
	const cpuBefore = process.cpuUsage();
	await propagateClip({
		...{ input: sequence.framesFolder, masks, outputs: [output], preset: values.preset, model: values.model },
		onFrame: ({ confidence }) => confidences.push(confidence),
	});
	const cpu = process.cpuUsage(cpuBefore);
	return {
		output,
		confidences,
		seconds: (performance.now() - started) / 1000,
		cpuSeconds: (cpu.user + cpu.system) / 1e6,
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

console.log(
	'| sequence | corrected frames | J&F before | after | all at once / first run, time | CPU time | one at a time / first run, time | CPU time |',
);
console.log('| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |');
try {
	for (const sequence of await listDavisSequences(root, values.sequences?.split(','))) {
		const truthOf = (frame: number): PaintedMask => {
			const annotation = sequence.annotations.find(({ index }) => index === frame);
			if (annotation === undefined) {
				throw new Error(`"${sequence.name}" has no true mask of frame ${frame}.`);
			}
			return { frame, path: annotation.path };
		};
		const [caches, copies] = [join(home, sequence.name, 'home'), join(home, sequence.name, 'copy')];
		process.env.PROPAGATE_HOME = caches;
		const before = await run(sequence, [truthOf(0)], 'before');
		const corrected = values.frames?.split(',').map(Number) ?? leastTrusted(before.confidences);
		const given = [0, ...corrected];
		await cp(caches, copies, { recursive: true });
		const after = await run(sequence, given.map(truthOf), 'after');
		process.env.PROPAGATE_HOME = copies;
		const steps: Awaited<ReturnType<typeof run>>[] = [];
		for (let count = 1; count <= corrected.length; count++) {
			steps.push(await run(sequence, given.slice(0, count + 1).map(truthOf), `step-${count}`));
		}
		const cells = [
			sequence.name,
			corrected.join(', '),
			(100 * (await score(sequence, before.output, given))).toFixed(1),
			(100 * (await score(sequence, after.output, given))).toFixed(1),
			(after.seconds / before.seconds).toFixed(2),
			(after.cpuSeconds / before.cpuSeconds).toFixed(2),
			steps.map(({ seconds }) => (seconds / before.seconds).toFixed(2)).join(', '),
			steps.map(({ cpuSeconds }) => (cpuSeconds / before.cpuSeconds).toFixed(2)).join(', '),
		];
		console.log(`| ${cells.join(' | ')} |`);
	}
} finally {
	await rm(home, { recursive: true, force: true });
}
