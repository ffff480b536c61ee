/**
 * What one correct correction does to the frames that nobody painted: the first mask is true, and so is one more, of every fifth frame in
 * turn. Prints the second table of docs/corrections.md.
 *
 *     npm run bench:corrections-harm -- samples ../shared/data/davis-train [--sequences car-turn,tennis] [--every 5] [--first 40]
 *         [--frames]
 *
 * The folders are in DAVIS layout, or are like `samples`: folders with `clip.mp4` and `truth`. Masks come from the tracker as the command
 * runs it, in this process, so that each frame is described once for all the corrections of its clip. `--first`
 * cuts clips, since the work grows with the square of their length; `--frames` also prints every frame that a correction made worse by more
 * than 0.02.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Frame, Keyframe, LabelMap } from '../src/core/frame.js';
import { listDavisSequences } from '../src/evaluation/davis-dataset.js';
import { regionSimilarity } from '../src/evaluation/mask-measures.js';
import { mean } from '../src/evaluation/statistics.js';
import { propagateKeyframes } from '../src/masks/propagate-keyframes.js';
import { MaskTracker } from '../src/masks/tracker/mask-tracker.js';
import { openClip } from '../src/media/clip.js';
import { readLabelMap } from '../src/media/label-map.js';
import type { RunFrames } from '../src/media/run-frames.js';
import type { FrameStore } from '../src/store/frame-store.js';
import type { PassStores } from '../src/store/pass-stores.js';
import { head, row } from './table.js';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		sequences: { type: 'string' },
		every: { type: 'string', default: '5' },
		first: { type: 'string', default: 'Infinity' },
		frames: { type: 'boolean', default: false },
	},
});

/** More than this is more than noise. */
const NOTICED = 0.02;

type Sequence = { readonly name: string; readonly clip: string; readonly truth: readonly string[] };

const sequencesOf = async (root: string): Promise<Sequence[]> => {
	const wanted = values.sequences?.split(',');
	if (existsSync(join(root, 'Annotations'))) {
		return (await listDavisSequences(root, wanted)).map(({ name, framesFolder, annotations }) => ({
			...{ name, clip: framesFolder },
			truth: annotations.map(({ path }) => path),
		}));
	}
	return readdirSync(root)
		.filter((name) => existsSync(join(root, name, 'truth')))
		.map((name) => ({
			...{ name: `sample ${name}`, clip: join(root, name, 'clip.mp4') },
			truth: readdirSync(join(root, name, 'truth'))
				.sort()
				.map((file) => join(root, name, 'truth', file)),
		}));
};

/** DAVIS 2016 marks its one object with whatever is not 0. */
const asOneObject = (mask: LabelMap): LabelMap =>
	new Set(mask.ids).size <= 2 ? { ...mask, ids: mask.ids.map((id) => (id === 0 ? 0 : 1)) } : mask;

/** A clip's frames in memory, for readers in any direction. */
const inMemory = (frames: readonly Frame[]): RunFrames => {
	const reader = {
		async *between(from: number, to = frames.length) {
			yield* frames.slice(from, to);
		},
		async *backwards(from: number, to: number) {
			yield* frames.slice(to, from + 1).reverse();
		},
		async *only(indices: readonly number[]) {
			yield* indices.map((index) => frames[index]!);
		},
	};
	return reader as unknown as RunFrames;
};

const storesInMemory = (): PassStores => {
	const passes = new Map<string, FrameStore<unknown>>();
	return {
		pass: <Masks>(own: Keyframe, helper: Keyframe | undefined, direction: string) => {
			const name = `${own.frame} ${helper?.frame} ${direction}`;
			const found = new Map<number, unknown>();
			const store: FrameStore<unknown> = passes.get(name) ?? {
				get: async (frame) => found.get(frame),
				put: async (frame, masks) => {
					found.set(frame, masks);
				},
			};
			passes.set(name, store);
			return store as FrameStore<Masks>;
		},
		length: { get: async () => undefined, put: async () => undefined },
	};
};

/** Describes a frame once. Maps are given away with each use, so each gets a copy. */
const rememberDescriptions = (tracker: MaskTracker): void => {
	const describe = tracker.describe.bind(tracker);
	const known = new WeakMap<object, ReturnType<MaskTracker['describe']>>();
	tracker.describe = async (image) => {
		const described = known.get(image) ?? describe(image);
		known.set(image, described);
		return structuredClone(await described);
	};
};

/** Mean J of a frame's objects. */
const similarity = (truth: LabelMap, found: LabelMap, objects: readonly number[]): number => {
	const only = ({ width, height, ids }: LabelMap, object: number) => ({
		...{ width, height },
		data: ids.map((id) => (id === object ? 1 : 0)),
	});
	return mean(objects.map((object) => regionSimilarity(only(truth, object), only(found, object))));
};

const measure = async ({ name, clip, truth: paths }: Sequence): Promise<void> => {
	const truth = await Promise.all(paths.map(async (path) => asOneObject(await readLabelMap(path))));
	const frames: Frame[] = [];
	for await (const frame of (await openClip(clip)).frames()) {
		if (frames.length >= Number(values.first)) {
			break;
		}
		frames.push(frame);
	}
	const first = truth[0]!;
	const objects = [...new Set(first.ids)].filter((id) => id > 0).sort((a, b) => a - b);
	const tracker = await MaskTracker.open({ device: 'cpu' });
	rememberDescriptions(tracker);
	/** J of each frame. */
	const scores = async (corrected: readonly number[]): Promise<number[]> => {
		const keyframes: Keyframe[] = [0, ...corrected].map((frame) => ({
			frame,
			mask: truth[frame]!,
		}));
		const options = { frames: inMemory(frames), keyframes, objects, palette: first.palette };
		const found: number[] = [];
		for await (const { frame, mask } of propagateKeyframes({
			...{ ...options, propagator: tracker, stores: storesInMemory() },
		})) {
			found.push(similarity(truth[frame.index]!, mask, objects));
		}
		return found;
	};
	try {
		const before = await scores([]);
		const changes: number[] = [];
		const means: number[] = [];
		let worst = { change: 0, frame: 0, corrected: 0 };
		for (let corrected = Number(values.every); corrected < frames.length; corrected += Number(values.every)) {
			const after = await scores([corrected]);
			const unpainted = after.flatMap((score, frame) =>
				frame === 0 || frame === corrected ? [] : [{ frame, change: score - before[frame]! }],
			);
			changes.push(...unpainted.map(({ change }) => change));
			means.push(mean(unpainted.map(({ change }) => change)));
			for (const { frame, change } of unpainted) {
				worst = change < worst.change ? { change, frame, corrected } : worst;
				if (values.frames && change < -NOTICED) {
					console.error(
						`${name}: ${corrected} corrected, frame ${frame} from ${before[frame]?.toFixed(3)} to ${after[frame]?.toFixed(3)}`,
					);
				}
			}
			console.error(`${name}: ${corrected} corrected, mean change ${means.at(-1)?.toFixed(4)}`);
		}
		if (means.length === 0) {
			return;
		}
		const share = (of: (change: number) => boolean): string =>
			`${((100 * changes.filter(of).length) / changes.length).toFixed(1)} %`;
		console.log(
			row(
				`${name} (${frames.length})`,
				mean(before.slice(1)).toFixed(3),
				String(means.length),
				`${signed(Math.min(...means))} to ${signed(Math.max(...means))}`,
				share((change) => change > NOTICED),
				share((change) => change < -NOTICED),
				worst.change < 0 ? `${signed(worst.change)} (${worst.frame}, of ${worst.corrected})` : 'none',
			),
		);
	} finally {
		await tracker.close();
	}
};

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;

console.log(
	head(
		...['clip (frames)', 'J before', 'corrections', 'mean change of a correction'],
		...['frames better by 0.02', 'worse by 0.02', 'worst frame (frame, of correction)'],
	),
);
for (const root of positionals) {
	for (const sequence of await sequencesOf(root)) {
		await measure(sequence);
	}
}
