/**
 * How masks behave over time, as tables in Markdown: flicker on a DAVIS folder, and, on samples and on clips drawn from
 * them, what happens when an object is hidden, leaves, comes back, meets its double, is fast, grows, or is thin.
 *
 *     npm run bench:temporal -- [../shared/data/davis-train] [--sequences bear,boat] [--model name --preset name] [--sheets folder]
 *         [--only davis,hidden,leaving,doubles,motion]
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type LabelMap, objectIds } from '../src/core/frame.js';
import { listDavisSequences } from '../src/evaluation/davis-dataset.js';
import { mean } from '../src/evaluation/statistics.js';
import { openEngine, openPropagator } from '../src/jobs/open-engine.js';
import { nothingStored, propagateKeyframes } from '../src/masks/propagate-keyframes.js';
import { type Clip, openClip } from '../src/media/clip.js';
import { writeImage } from '../src/media/image.js';
import { readLabelMap } from '../src/media/label-map.js';
import { RunFrames } from '../src/media/run-frames.js';
import { drawOverlay } from '../src/output/overlay.js';
import { loadPreset } from '../src/presets/preset.js';
import { type Drawn, doubleClips, hiddenClips, leavingClips, movingClips } from './temporal/drawn.js';
import { areaJitter, areas, change, type Masks, occlusion, overlaps, taken } from './temporal/measures.js';
import { drawFrame, drawnClip, loadBirds, type Truth } from './temporal/scenes.js';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		sequences: { type: 'string' },
		model: { type: 'string' },
		preset: { type: 'string' },
		sheets: { type: 'string' },
		only: { type: 'string' },
	},
});
const [root] = positionals;
const preset = await loadPreset(values.preset);
const engine = await openEngine(values.model ?? preset.model, {
	...{ device: 'cpu', threads: 1, precision: preset.precision, features: preset.features },
});
const propagator = await openPropagator(engine, preset, { device: 'cpu' });

const carried = async (clip: Clip, mask: LabelMap, name: string): Promise<LabelMap[]> => {
	const masks: LabelMap[] = [];
	for await (const { frame, mask: found } of propagateKeyframes({
		frames: new RunFrames(clip, {}, false),
		keyframes: [{ frame: 0, mask }],
		objects: objectIds(mask),
		palette: mask.palette,
		...{ propagator, stores: nothingStored },
	})) {
		masks.push(found);
		if (values.sheets !== undefined && frame.index % 6 === 0) {
			const folder = join(values.sheets, name.replaceAll(/\W+/g, '-'));
			await mkdir(folder, { recursive: true });
			const path = join(folder, `${String(frame.index).padStart(3, '0')}.jpg`);
			await writeImage(path, drawOverlay(frame.image, found));
		}
	}
	console.error(name);
	return masks;
};

const percent = (share: number): string => (100 * share).toFixed(1);
const table = (head: readonly string[], rows: readonly (readonly string[])[]): void => {
	const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
	console.log(
		[line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n'),
	);
	console.log('');
};

/** Overlap before, during and after a stretch of frames; the painted frame is left out. */
const around = (iou: readonly number[], [first, last]: readonly [number, number]): string[] =>
	[iou.slice(1, first), iou.slice(first, last + 1), iou.slice(last + 1)].map((part) => percent(mean(part)));

const occlusionRow = (name: string, truth: Masks, result: Masks, id: number): string[][] => {
	const area = areas(truth, id);
	const hidden = occlusion(area, 0.75);
	if (hidden === undefined) {
		return [];
	}
	const least = Math.min(...area.slice(hidden[0], hidden[1] + 1));
	const most = Math.max(...area.slice(0, hidden[0] + 1));
	const frames = `${hidden[0]} to ${hidden[1]} of ${area.length}`;
	return [[name, frames, percent(least / most), ...around(overlaps(truth, result, id), hidden)]];
};

const hidden: string[][] = [];

const davis = async (folder: string): Promise<void> => {
	const flicker: string[][] = [];
	for (const sequence of await listDavisSequences(folder, values.sequences?.split(','))) {
		const truth: LabelMap[] = [];
		for (const { path } of sequence.annotations) {
			const map = await readLabelMap(path);
			truth.push({ ...map, ids: map.ids.map((id) => (id === 0 ? 0 : 1)) });
		}
		const clip = await openClip(sequence.framesFolder);
		const result = await carried(clip, truth[0]!, sequence.name);
		flicker.push([
			sequence.name,
			...[change(result, 1), change(truth, 1), areaJitter(result, 1), areaJitter(truth, 1)].map(percent),
		]);
		hidden.push(...occlusionRow(sequence.name, truth, result, 1));
	}
	const means = [1, 2, 3, 4].map((column) => mean(flicker.map((row) => Number(row[column]))).toFixed(1));
	const head = ['', 'change a frame, %', 'of the truth', 'area jitter, %', 'of the truth'];
	console.log('**Flicker**\n');
	table(head, [...flicker, ['**mean**', ...means]]);
};

/** The sample, of which the truth is known. */
const bear = async (): Promise<void> => {
	const folder = new URL('../samples/bear/', import.meta.url);
	const clip = await openClip(new URL('clip.mp4', folder).pathname);
	const first = await readLabelMap(new URL('first.png', folder).pathname);
	const result = await carried(clip, first, 'sample bear');
	const truth: LabelMap[] = [];
	for (let frame = 0; frame < result.length; frame++) {
		truth.push(await readLabelMap(new URL(`truth/${String(frame).padStart(5, '0')}.png`, folder).pathname));
	}
	hidden.push(...occlusionRow('sample bear, behind a tree', truth, result, 1));
};

const birds = await loadBirds();

/** Draws a clip, carries its first mask, and gives both. */
const played = async ({ name, frames, layers }: Drawn): Promise<{ truth: Masks; result: Masks }> => {
	const truths: Truth[] = Array.from({ length: frames }, (_, frame) =>
		drawFrame(birds.background, layers, frame),
	);
	const truth = truths.map(({ mask }) => mask);
	return { truth, result: await carried(drawnClip(truths), truth[0]!, name) };
};

const hiding = async (): Promise<void> => {
	for (const clip of hiddenClips(birds)) {
		const { truth, result } = await played(clip);
		hidden.push(...occlusionRow(`drawn: ${clip.name}`, truth, result, 1));
	}
};

const leaving = async (): Promise<void> => {
	const rows: string[][] = [];
	for (const clip of leavingClips(birds)) {
		const { truth, result } = await played(clip);
		const [inTruth, found] = [areas(truth, 1), areas(result, 1)];
		const away = inTruth.flatMap((area, frame) => (area === 0 ? [frame] : []));
		const returned = truth.length - 1 - (away.at(-1) ?? 0);
		const iou = overlaps(truth, result, 1);
		const wrong = away.map((frame) => found[frame]! / inTruth[0]!);
		rows.push([
			`drawn: ${clip.name}`,
			`${away[0]} to ${away.at(-1)}`,
			percent(mean(iou.slice(1, away[0]))),
			percent(mean(wrong)),
			percent(Math.max(...wrong)),
			returned === 0 ? '' : percent(mean(iou.slice(-returned))),
		]);
	}
	console.log('**Leaves the frame**\n');
	table(
		['', 'away in frames', 'IoU before', 'marked while away, % of its area', 'at most', 'IoU after return'],
		rows,
	);
};

const doubles = async (): Promise<void> => {
	const rows: string[][] = [];
	for (const clip of doubleClips(birds)) {
		const { truth, result } = await played(clip);
		const [last, end] = [truth.slice(-10), result.slice(-10)];
		rows.push([
			`drawn: ${clip.name}`,
			...[1, 2].map((id) => percent(mean(overlaps(truth, result, id).slice(1)))),
			...[1, 2].map((id) => percent(mean(overlaps(last, end, id)))),
			...[taken(last, end, 1, 2), taken(last, end, 2, 1)].map(percent),
		]);
	}
	console.log('**Doubles**: IoU, and in the last ten frames\n');
	table(
		['', 'back', 'front', 'back, at the end', 'front', 'back named front, %', 'front named back, %'],
		rows,
	);
};

/** Fast, growing, thin, several at once. */
const moving = async (): Promise<void> => {
	const rows: string[][] = [];
	for (const clip of movingClips(birds)) {
		const { truth, result } = await played(clip);
		for (const id of objectIds(truth[0]!)) {
			const iou = overlaps(truth, result, id).slice(1);
			rows.push([
				`drawn: ${clip.name}${id > 1 ? `, object ${id}` : ''}`,
				...[mean(iou), Math.min(...iou), mean(iou.slice(-10))].map(percent),
			]);
		}
	}
	console.log('**Motion**: IoU\n');
	table(['', 'mean', 'worst frame', 'last ten frames'], rows);
};

const only = values.only?.split(',');
const wanted = (part: string): boolean => only?.includes(part) !== false;
if (root !== undefined && wanted('davis')) {
	await davis(root);
}
if (wanted('hidden')) {
	await bear();
	await hiding();
}
if (hidden.length > 0) {
	console.log('**Hidden for a while**: IoU with the truth\n');
	table(['', 'hidden in frames', 'least visible, %', 'before', 'during', 'after'], hidden);
}
if (wanted('leaving')) {
	await leaving();
}
if (wanted('doubles')) {
	await doubles();
}
if (wanted('motion')) {
	await moving();
}
await propagator.close();
await engine.close();
