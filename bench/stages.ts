/**
 * The stages of one 480p frame beside their peers, in CPU milliseconds on one thread: what they take of the machine
 * whatever else it does.
 *
 *     npm run bench:stages [-- --runs 5 --model name --skip-peers --json stages.json]
 *     npm run bench:plot -- stages.json docs/images/speed.png
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import type { DescriptorMap } from '../src/core/descriptor-map.js';
import type { Frame } from '../src/core/frame.js';
import { classIds, labelsFromMask } from '../src/core/soft-labels.js';
import { openExtractor } from '../src/features/diffusion-extractor.js';
import { inputSize } from '../src/features/preprocess.js';
import { refineLabels } from '../src/masks/refinement/refine-labels.js';
import { BlockMatcher } from '../src/matching/block-matcher.js';
import { DescriptorBank } from '../src/matching/descriptor-bank.js';
import { WindowMatcher } from '../src/matching/window-matcher.js';
import { openClip } from '../src/media/clip.js';
import { readLabelMap } from '../src/media/label-map.js';
import { findModel } from '../src/models/registry.js';
import { loadPreset } from '../src/presets/preset.js';
import { openRuntime } from '../src/runtime/onnx-runtime.js';
import { formatNpy } from '../src/store/npy.js';
import { stepFlops } from './stages/graph-flops.js';
import { matMulPeak } from './stages/machine-peak.js';
import { head, type MissingPeer, row, type StageCost } from './table.js';

const { values } = parseArgs({
	options: {
		runs: { type: 'string', default: '5' },
		model: { type: 'string' },
		'skip-peers': { type: 'boolean', default: false },
		json: { type: 'string' },
	},
});
const runs = Number(values.runs);
const sample = (name: string): string => fileURLToPath(new URL(`../samples/bear/${name}`, import.meta.url));

const costs: StageCost[] = [];
/** Peers that are not here, each with the reason. */
const missing: MissingPeer[] = [];

const measure = async (name: string, work: () => unknown): Promise<StageCost> => {
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
// One thread, as the program runs it on two cores and as the peers run: threads that wait for each other cost CPU time.
const runtime = openRuntime({ device: 'cpu', threads: 1 });
const peak = await matMulPeak(runtime);
const flops = await stepFlops(model, clip.info, runtime);

const maps: DescriptorMap[] = [];
for (const precision of ['full', 'fast'] as const) {
	const extractor = openExtractor(model, runtime, { precision });
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
await measure('matching: this engine, exact, as ONNX graph', async () => {
	for (const key of stored.slice(0, recentFrames)) {
		await (query && matcher.match(query, key));
	}
});

const mask = await readLabelMap(sample('first.png'));
const labels = labelsFromMask(mask, map, classIds(mask));
await measure('refinement: this engine', () => refineLabels(labels, image, refinement));
await runtime.close();

if (!values['skip-peers']) {
	const scratch = await mkdtemp(join(tmpdir(), 'stages-'));
	try {
		// The peers search the same descriptors: the remembered frames, then the one in question.
		const length = map.data.length;
		const all = new Float32Array(maps.length * length);
		for (const [at, each] of maps.entries()) {
			all.set(each.data, at * length);
		}
		const file = join(scratch, 'descriptors.npy');
		await writeFile(file, formatNpy(all, [maps.length, map.channels, map.height, map.width]));
		const { width, height } = inputSize(clip.info, model.manifest.image);
		const script = fileURLToPath(new URL('stages/peers.py', import.meta.url));
		// Debian's python3-opencv and python3-faiss belong to Debian's own interpreter, which need not be the first on the path.
		const python = process.env.PYTHON ?? '/usr/bin/python3';
		const numbers = [height, width, radius ?? 1000, topK, runs].map(String);
		const { stdout } = await promisify(execFile)(python, [script, model.folder, file, ...numbers], {
			env: { ...process.env, OMP_NUM_THREADS: '1' },
		});
		for (const line of stdout.trim().split('\n')) {
			const found = JSON.parse(line) as StageCost | MissingPeer;
			if ('missing' in found) {
				missing.push(found);
			} else {
				costs.push(found);
			}
		}
	} finally {
		await rm(scratch, { recursive: true });
	}
}

costs.sort((a, b) => (a.name < b.name ? -1 : 1));
console.log(
	head(`${recentFrames} remembered frames, radius ${radius}, top ${topK}`, 'CPU ms a frame', 'spread'),
);
for (const { name, median, low, high } of costs) {
	console.log(row(name, median.toFixed(1), `${low.toFixed(1)} to ${high.toFixed(1)}`));
}
for (const peer of missing) {
	console.log(row(peer.name, peer.missing, ''));
}
console.log(
	`\nInversion is ${(flops / 1e9).toFixed(1)} GFLOP a frame; one large float32 product runs here at ${peak.toFixed(0)} GFLOP/s (one thread, best of several).`,
);
if (values.json !== undefined) {
	await writeFile(values.json, JSON.stringify(costs, undefined, '\t'));
}
