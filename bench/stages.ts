/**
 * The stages of one 480p frame beside their peers, in CPU milliseconds: what they take of the machine whatever else it does.
 *
 *     npm run bench:stages [-- --runs 5 --model name --skip-peers]
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { BlockMatcher } from '../src/correspondence/block-matcher.js';
import { DescriptorBank } from '../src/correspondence/descriptor-bank.js';
import { WindowMatcher } from '../src/correspondence/window-matcher.js';
import type { DescriptorMap } from '../src/hyperfeatures/descriptor-map.js';
import { openDiffusionExtractor } from '../src/hyperfeatures/diffusion-extractor.js';
import { inputSize } from '../src/hyperfeatures/preprocess.js';
import { openClip } from '../src/media/clip.js';
import type { Frame } from '../src/media/frame.js';
import { readLabelMap } from '../src/media/label-map.js';
import { findModel } from '../src/models/registry.js';
import { loadPreset } from '../src/presets/load-preset.js';
import { classIds, labelsFromMask } from '../src/propagation/soft-labels.js';
import { refineLabels } from '../src/refinement/refine-labels.js';
import { openRuntime } from '../src/runtime/onnx-runtime.js';
import { stepFlops } from './graph-flops.js';
import { matMulPeak } from './machine-peak.js';

const { values } = parseArgs({
	options: {
		runs: { type: 'string', default: '5' },
		model: { type: 'string' },
		'skip-peers': { type: 'boolean', default: false },
	},
});
const runs = Number(values.runs);
const sample = (name: string): string => fileURLToPath(new URL(`../samples/bear/${name}`, import.meta.url));

type Cost = { readonly name: string; readonly median: number; readonly low: number; readonly high: number };
const costs: Cost[] = [];

const measure = async (name: string, work: () => unknown): Promise<Cost> => {
	await work();
	const times: number[] = [];
	for (let run = 0; run < runs; run++) {
		const start = process.cpuUsage();
		await work();
		const { user, system } = process.cpuUsage(start);
		times.push((user + system) / 1000);
	}
	times.sort((a, b) => a - b);
	const [low = 0, high = 0] = [times[0], times.at(-1)];
	const cost = { name, median: times[runs >> 1] ?? 0, low, high };
	costs.push(cost);
	return cost;
};

const clip = await openClip(sample('clip.mp4'));
const { propagation } = await loadPreset(undefined);
const { topK, recentFrames, radius, refinement } = propagation;
const reach = radius ?? Number.POSITIVE_INFINITY;
const frames: Frame[] = [];
for await (const frame of clip.frames({})) {
	if (frames.push(frame) > recentFrames) {
		break;
	}
}
const image = (frames.at(-1) as Frame).image;
const model = await findModel(values.model);
const runtime = openRuntime({ device: 'cpu' });
const peak = await matMulPeak(runtime);
const flops = await stepFlops(model, clip.info, runtime);

const maps: DescriptorMap[] = [];
for (const precision of ['full', 'fast'] as const) {
	const extractor = await openDiffusionExtractor(model, runtime, { precision });
	await measure(`inversion: this engine, ${precision === 'full' ? 'float32' : '8-bit'}`, () =>
		extractor.extract(image),
	);
	if (precision === 'fast') {
		for (const frame of frames) {
			maps.push(await extractor.extract(frame.image));
		}
	}
	await extractor.close();
}

const map = maps.at(-1) as DescriptorMap;
for (const candidates of [undefined, 32, 16, 8]) {
	const matcher = new BlockMatcher(map, map.channels, { k: topK, candidates });
	const stored = maps.map((each) => matcher.store(each));
	const query = stored.at(-1);
	const searched = stored.slice(0, recentFrames).map((descriptors) => ({ descriptors, radius: reach }));
	if (query !== undefined) {
		const kind = candidates === undefined ? 'exact' : `${candidates} candidates`;
		await measure(`matching: this engine, ${kind}`, () => matcher.match(query, searched));
	}
}
const bank = new DescriptorBank(runtime);
const matcher = await WindowMatcher.open(runtime, map, reach, topK);
const stored = await Promise.all(maps.map((each) => bank.add(each)));
const query = stored.at(-1);
await measure('matching: ONNX graph, exact', async () => {
	for (const key of stored.slice(0, recentFrames)) {
		await (query && matcher.match(query, key));
	}
});

const mask = await readLabelMap(sample('first.png'));
const labels = labelsFromMask(mask, map, classIds(mask));
await measure('refinement: this engine', () => refineLabels(labels, image, refinement));
await runtime.close();

if (!values['skip-peers']) {
	const { width, height } = inputSize(clip.info, model.manifest.image);
	const script = fileURLToPath(new URL('peers.py', import.meta.url));
	const python = process.env.PYTHON ?? '/usr/bin/python3';
	const numbers = [height, width, radius ?? 1000, topK, recentFrames, runs].map(String);
	const { stdout } = await promisify(execFile)(python, [script, model.folder, ...numbers]);
	costs.push(
		...stdout
			.trim()
			.split('\n')
			.map((line) => JSON.parse(line) as Cost),
	);
}

console.log(`| ${recentFrames} remembered frames, radius ${radius}, top ${topK} | CPU ms a frame | spread |`);
console.log('| --- | ---: | ---: |');
for (const { name, median, low, high } of costs.sort((a, b) => (a.name < b.name ? -1 : 1))) {
	console.log(`| ${name} | ${median.toFixed(1)} | ${low.toFixed(1)} to ${high.toFixed(1)} |`);
}
console.log(
	`\nInversion is ${(flops / 1e9).toFixed(1)} GFLOP a frame; one large float32 product runs here at ${peak.toFixed(0)} GFLOP/s (wall clock, all threads).`,
);
