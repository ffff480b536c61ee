/**
 * Why the bundled model and the default preset are shaped as they are: J&F on a DAVIS folder with one thing changed at a
 * time, as tables in Markdown. Descriptors and results are kept in the store, so that a run that was stopped goes on.
 *
 *     npm run bench:ablation -- ../shared/data/davis-train --store /tmp/ablation [--groups grid,width] [--sequences bear]
 */
import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { DescriptorMap } from '../src/core/descriptor-map.js';
import { type DavisSequence, listDavisSequences } from '../src/evaluation/davis-dataset.js';
import { evaluateDavis } from '../src/evaluation/evaluate-davis.js';
import { mean } from '../src/evaluation/statistics.js';
import { inputSize } from '../src/features/preprocess.js';
import { openClip } from '../src/media/clip.js';
import { findModel } from '../src/models/registry.js';
import { loadPreset } from '../src/presets/preset.js';
import { openRuntime } from '../src/runtime/onnx-runtime.js';
import { descriptorIdentity } from '../src/store/descriptor-store.js';
import { type Costs, carry } from './ablation/carry.js';
import { type DescribedSequence, describedSequence } from './ablation/described-sequence.js';
import { added, concatenated, halved, projected, strongestAxes } from './ablation/descriptors.js';
import { type Extraction, openExtraction } from './ablation/extraction.js';
import { ablationRows, type Row } from './ablation/rows.js';
import { type Measured, printTables } from './ablation/tables.js';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		store: { type: 'string' },
		groups: { type: 'string' },
		sequences: { type: 'string' },
		few: { type: 'string', default: 'dog-agility,horsejump-low,motorbike' },
		model: { type: 'string' },
		preset: { type: 'string' },
	},
});
const [root] = positionals;
if (root === undefined || values.store === undefined) {
	throw new Error('Give a folder in DAVIS layout, and a scratch folder with --store.');
}
const model = await findModel(values.model);
const { manifest } = model;
const { propagation } = await loadPreset(values.preset);
const shortSide = manifest.image.resize.mode === 'fit' ? manifest.image.resize.shortSide : 256;
const store = join(values.store, descriptorIdentity(manifest));
await mkdir(store, { recursive: true });

const all = await listDavisSequences(root, values.sequences?.split(','));
const few = all.filter(({ name }) => values.few.split(',').includes(name));
const groups = values.groups?.split(',');
const rows = ablationRows(propagation, shortSide, manifest.taps.length).filter(
	({ group }) => groups?.includes(group) !== false,
);

/** The network is loaded when the store lacks a sequence, and for that sequence only. */
const describedBy = async (extraction: Extraction, sequence: DavisSequence): Promise<DescribedSequence> => {
	const runtime = openRuntime({ device: 'cpu', threads: 1 });
	try {
		return await describedSequence(join(store, extraction.name), sequence, () =>
			openExtraction(model, extraction, runtime),
		);
	} finally {
		await runtime.close();
	}
};

/** A row's descriptors of one frame after the other. */
const descriptorsOf = (
	row: Row,
	described: DescribedSequence,
	grid: { readonly height: number; readonly width: number },
): ((frame: number) => DescriptorMap) => {
	const whole = (frame: number): DescriptorMap => {
		const maps = row.parts.map((part) => described.map(frame, part));
		const map = row.concatenate ? concatenated(maps, grid) : added(maps);
		return row.halve ? halved(map) : map;
	};
	if (row.components === undefined) {
		return whole;
	}
	const axes = strongestAxes(whole(0), row.components);
	return (frame) => projected(whole(frame), axes);
};

const measure = async (row: Row, sequence: DavisSequence): Promise<Measured> => {
	const described = await describedBy(row.extraction, sequence);
	const clip = await openClip(sequence.framesFolder);
	const size = inputSize(clip.info, {
		...manifest.image,
		resize: { mode: 'fit', shortSide: row.extraction.shortSide, multiple: 32 },
	});
	const descriptors = descriptorsOf(row, described, { height: size.height / 4, width: size.width / 4 });
	const costs: Costs = { frames: 0, matching: 0, refinement: 0 };
	const score = await evaluateDavis({
		root,
		sequences: [sequence.name],
		propagate: (_, mask) => carry(clip.frames(), mask, descriptors, row.propagation, costs),
	});
	return {
		...{ row: row.name, sequence: sequence.name },
		...{ j: score.j.mean, f: score.f.mean, frames: costs.frames },
		inversion: described.millisecondsPerCall * row.calls,
		matching: costs.matching / costs.frames,
		refinement: costs.refinement / costs.frames,
	};
};

const resultsPath = join(store, 'results.jsonl');
const known = new Map(
	(await readFile(resultsPath, 'utf8').catch(() => ''))
		.split('\n')
		.filter((line) => line !== '')
		.map((line) => JSON.parse(line) as Measured & { readonly key: string })
		.map((record) => [record.key, record]),
);

const measuredRows: { readonly row: Row; readonly measured: readonly Measured[] }[] = [];
for (const row of rows) {
	const measured: Measured[] = [];
	for (const sequence of row.few ? few : all) {
		const key = createHash('sha256')
			.update(JSON.stringify([row, sequence.name]))
			.digest('hex')
			.slice(0, 16);
		const found = known.get(key) ?? (await measure(row, sequence));
		if (!known.has(key)) {
			await appendFile(resultsPath, `${JSON.stringify({ key, ...found })}\n`);
		}
		measured.push(found);
	}
	const jAndF = mean(measured.map(({ j, f }) => (j + f) / 2));
	console.error(`${row.group}: ${row.name} ${(100 * jAndF).toFixed(2)}`);
	measuredRows.push({ row, measured });
}
console.log(`${manifest.name}, step ${manifest.training?.step ?? 'unknown'}\n`);
printTables(measuredRows);
