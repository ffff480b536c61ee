import { throwIfAborted } from '../core/errors.js';
import type { LabelMap } from '../core/frame.js';
import { readLabelMap } from '../media/label-map.js';
import { type DavisSequence, listDavisSequences } from './davis-dataset.js';
import type { Labels } from './mask-measures.js';
import { type ObjectScore, objectCount, scoreSequence } from './sequence-score.js';
import { mean, type Statistics } from './statistics.js';

/** The object ids that a method gives to the frame at `index` (from 0), of the first mask's size. */
export type CarriedMask = { readonly index: number; readonly ids: Uint8Array };

type DavisEvaluationOptions = {
	/** Folder in DAVIS layout; see {@link listDavisSequences}. */
	readonly root: string;
	/** Names of sequences; all when omitted. */
	readonly sequences?: readonly string[] | undefined;
	/** At most so many sequences. */
	readonly limit?: number | undefined;
	/** The method to be measured: carries the first frame's mask through the sequence. */
	readonly propagate: (sequence: DavisSequence, firstMask: LabelMap) => AsyncIterable<CarriedMask>;
	/** Called after each sequence, for progress. */
	readonly onSequence?: ((score: SequenceScore) => void) | undefined;
	readonly signal?: AbortSignal | undefined;
};

/** The scores of one sequence. */
export type SequenceScore = {
	readonly name: string;
	readonly objects: readonly ObjectScore[];
	/** Means over the sequence's objects. */
	readonly j: Statistics;
	readonly f: Statistics;
	readonly jAndF: number;
	/** Frames that the method gave, and the time it took for them, reading and writing of the truth left out. */
	readonly frames: number;
	readonly seconds: number;
};

/** The scores of a data set: means over all objects of all sequences, not over sequences. */
export type DavisScore = {
	readonly sequences: readonly SequenceScore[];
	readonly objects: number;
	readonly j: Statistics;
	readonly f: Statistics;
	readonly jAndF: number;
	readonly frames: number;
	readonly seconds: number;
	readonly framesPerSecond: number;
};

/**
 * Semi-supervised evaluation exactly as the official davis2017-evaluation does it: the first annotation is given to the
 * method; J and F are taken over all annotated frames but the first and the last; the mean is over objects; what the
 * method did not give counts as empty.
 *
 * @throws UserError when the folder is not in DAVIS layout
 * @throws AbortedError when the signal fires
 */
export const evaluateDavis = async (options: DavisEvaluationOptions): Promise<DavisScore> => {
	const sequences = await listDavisSequences(options.root, options.sequences);
	const scores: SequenceScore[] = [];
	for (const sequence of sequences.slice(0, options.limit)) {
		const score = await evaluateSequence(sequence, options);
		scores.push(score);
		options.onSequence?.(score);
	}
	const frames = scores.reduce((sum, score) => sum + score.frames, 0);
	const seconds = scores.reduce((sum, score) => sum + score.seconds, 0);
	const objects = scores.flatMap((score) => score.objects);
	return {
		sequences: scores,
		objects: objects.length,
		...meanOverObjects(objects),
		frames,
		seconds,
		framesPerSecond: frames / seconds,
	};
};

const evaluateSequence = async (
	sequence: DavisSequence,
	{ propagate, signal }: DavisEvaluationOptions,
): Promise<SequenceScore> => {
	const { annotations } = sequence;
	const [first] = annotations;
	if (first === undefined) {
		throw new RangeError(`The sequence "${sequence.name}" has no annotations.`);
	}
	const firstMask = asDavisLabels(await readLabelMap(first.path));
	const single = objectCount(firstMask) === 1;

	// The masks of the sequence are kept until it is done, so that scoring neither costs the method time nor gives it some.
	const carried = new Map<number, Uint8Array>();
	const start = performance.now();
	for await (const { index, ids } of propagate(sequence, firstMask)) {
		throwIfAborted(signal);
		carried.set(index, ids);
	}
	const seconds = (performance.now() - start) / 1000;

	const scorer = scoreSequence(objectCount(firstMask));
	for (const { index, path } of annotations.slice(1, -1)) {
		throwIfAborted(signal);
		// Whatever is not 0 is the one object, however faint.
		const map = await readLabelMap(path, single ? { type: 'ids' } : {});
		const truth = single ? oneObject(map) : map;
		const ids = carried.get(index);
		scorer.add(truth, ids && { ...firstMask, ids });
	}
	const objects = scorer.scores();
	return { name: sequence.name, objects, ...meanOverObjects(objects), frames: carried.size, seconds };
};

/** The first mask says what a sequence is: one with a single id is a binary one, as all of DAVIS 2016 are. */
const asDavisLabels = (mask: LabelMap): LabelMap => {
	const used = new Set(mask.ids);
	used.delete(0);
	return used.size === 1 ? { ...mask, ...oneObject(mask) } : mask;
};

/** DAVIS 2016 marks its one object with whatever is not 0; some of its files have soft edges. */
const oneObject = (labels: Labels): Labels => ({
	...labels,
	ids: labels.ids.map((id) => (id === 0 ? 0 : 1)),
});

const meanOverObjects = (
	objects: readonly ObjectScore[],
): { j: Statistics; f: Statistics; jAndF: number } => {
	const over = (pick: (score: ObjectScore) => Statistics): Statistics => ({
		mean: mean(objects.map((score) => pick(score).mean)),
		recall: mean(objects.map((score) => pick(score).recall)),
		decay: mean(objects.map((score) => pick(score).decay)),
	});
	return {
		j: over((score) => score.j),
		f: over((score) => score.f),
		jAndF: mean(objects.map((score) => score.jAndF)),
	};
};

/**
 * The scores as a table in Markdown, one row a sequence and one for the mean over objects; values are percentages, as
 * the literature prints them.
 */
export const davisTable = (score: DavisScore): string => {
	const rows = [...score.sequences, { ...score, name: 'mean over objects' }].map(
		({ name, j, f, jAndF, frames, seconds }) =>
			[name, percent(jAndF), ...cells(j), ...cells(f), (frames / seconds).toFixed(1)].join(' | '),
	);
	return [
		'| sequence | J&F | J mean | J recall | J decay | F mean | F recall | F decay | frames/s |',
		'| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
		...rows.map((row) => `| ${row} |`),
	].join('\n');
};

const cells = ({ mean, recall, decay }: Statistics): string[] => [mean, recall, decay].map(percent);

const percent = (share: number): string => (100 * share).toFixed(1);
