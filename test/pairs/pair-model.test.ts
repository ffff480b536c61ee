import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Raster } from '../../src/core/frame.js';
import { evaluateKeypointPairs } from '../../src/jobs/evaluate-pairs.js';
import { matchPair } from '../../src/jobs/match-pair.js';
import { warpPair } from '../../src/jobs/warp-pair.js';
import { writeImage } from '../../src/media/image.js';
import { importPairModel } from '../../src/models/import/import-pair-model.js';
import type { FlowConvention } from '../../src/models/manifest.js';
import { findModel } from '../../src/models/registry.js';
import { buildGraph } from '../../src/onnx/build-graph.js';
import { openPairModel } from '../../src/pairs/pair-model.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import { float32 } from '../../src/runtime/tensor.js';

const runtime = openRuntime({ device: 'cpu' });
let home: string;
beforeAll(async () => {
	home = await mkdtemp(join(tmpdir(), 'propagate-pair-'));
});
afterAll(async () => {
	await runtime.close();
	await rm(home, { recursive: true });
});

const SIDE = 32;
const GRID = 16;
const grey = (width: number, height: number, value: number): Raster<3> => ({
	width,
	height,
	channels: 3,
	data: new Uint8Array(width * height * 3).fill(value),
});

/** Every cell's own place on the grid along both axes. */
const places = (of: (i: number) => number): Float32Array =>
	Float32Array.from({ length: 2 * GRID * GRID }, (_, i) =>
		of(i < GRID * GRID ? i % GRID : Math.floor(i / GRID) % GRID),
	);

/**
 * A network whose flow is `base` plus the difference of the images' mean values, so that the direction shows: the first
 * image is black and the second white in these tests, which makes it `base + 1`, or `base - 1` with the roles exchanged.
 */
const pairGraph = (base: Float32Array): Uint8Array =>
	buildGraph({
		name: 'pair',
		opset: 17,
		inputs: ['src', 'trg'].map((name) => ({ name, type: 'float32', shape: ['b', 3, 'h', 'w'] })),
		outputs: [{ name: 'flow', type: 'float32' }],
		nodes: [
			{ opType: 'ReduceMean', inputs: ['src'], outputs: ['source_mean'] },
			{ opType: 'ReduceMean', inputs: ['trg'], outputs: ['target_mean'] },
			{ opType: 'Sub', inputs: ['target_mean', 'source_mean'], outputs: ['difference'] },
			{ opType: 'Mul', inputs: ['difference', 'base'], outputs: ['flow'] },
		],
		initializers: [{ name: 'base', tensor: float32(base, [1, 2, GRID, GRID]) }],
	});

let count = 0;
const imported = async (base: Float32Array, flow: FlowConvention) => {
	const name = `pair-${count++}`;
	const graph = join(home, `${name}.onnx`);
	await writeFile(graph, pairGraph(base));
	const pair = join(home, `${name}.json`);
	await writeFile(
		pair,
		JSON.stringify({
			name,
			description: 'A network for this test',
			license: 'CC0-1.0',
			image: { side: SIDE, mean: [0, 0, 0], std: [1, 1, 1] },
			inputs: { source: 'src', target: 'trg' },
			output: 'flow',
			flow,
		}),
	);
	return importPairModel({ graph, pair, name, modelsFolder: join(home, 'models') });
};

describe('a pair model described by data', () => {
	it.each<{ convention: FlowConvention; shift: number }>([
		// In each the target shows the source's content a quarter of the image further on: -8 of 32 pixels.
		{ convention: { grid: 'target', values: 'displacement', units: 'input-pixels' }, shift: -8 },
		{ convention: { grid: 'target', values: 'displacement', units: 'cells' }, shift: -4 },
		{ convention: { grid: 'target', values: 'displacement', units: 'normalised' }, shift: -16 / 31 },
	])('reads displacements in $convention.units', async ({ convention, shift }) => {
		const model = await openPairModel(await imported(new Float32Array(512).fill(shift), convention), runtime);
		const [source, target] = [grey(64, 40, 0), grey(80, 20, 255)];
		const flow = await model.backwardFlow(source, target);
		// The pixel in the middle of the target comes from a quarter of the source's size before its middle.
		const pixel = 10 * 80 + 40;
		expect(flow.positions[pixel * 2]).toBeCloseTo((40.5 / 80 - 0.25) * 64 - 0.5, 1);
		expect(flow.positions[pixel * 2 + 1]).toBeCloseTo((10.5 / 20 - 0.25) * 40 - 0.5, 1);
		// Points go the other way: the network is asked with the images exchanged.
		const [point] = await model.matchPoints(target, source, [[40, 10]]);
		expect(point?.[0]).toBeCloseTo((40.5 / 80 - 0.25) * 64 - 0.5, 1);
		await model.close();
	});

	it('reads positions, and flows over the source grid', async () => {
		const positions = places((i) => (i + 0.5) * (SIDE / GRID) - 0.5 + 4);
		const convention = { grid: 'source', values: 'position', units: 'input-pixels' } as const;
		const model = await openPairModel(await imported(positions, convention), runtime);
		const [point] = await model.matchPoints(grey(64, 64, 0), grey(128, 32, 255), [[20, 30]]);
		expect(point?.[0]).toBeCloseTo((20.5 / 64 + 4 / 32) * 128 - 0.5, 3);
		expect(point?.[1]).toBeCloseTo((30.5 / 64 + 4 / 32) * 32 - 0.5, 3);
		await model.close();
	});

	it('finds points for the match command', async () => {
		const positions = places((i) => (i + 0.5) * (SIDE / GRID) - 0.5 + 4);
		const convention = { grid: 'source', values: 'position', units: 'input-pixels' } as const;
		const { folder } = await imported(positions, convention);
		const [source, target] = [join(home, 'source.png'), join(home, 'target.png')];
		await writeImage(source, grey(64, 64, 0));
		await writeImage(target, grey(64, 64, 255));
		const job = { source, target, model: folder, mode: 'smooth', device: 'cpu' } as const;
		const [match] = await matchPair({ ...job, points: '[[20, 30]]' });
		expect(match?.target[0]).toBeCloseTo(28, 3);
		expect(match?.target[1]).toBeCloseTo(38, 3);
		await expect(matchPair({ ...job, mutual: 3 })).rejects.toThrow(/matches given points only/);
	});

	it('warps within the masks, and is measured on pairs, by a preset that names it', async () => {
		const convention = { grid: 'target', values: 'displacement', units: 'input-pixels' } as const;
		const { folder } = await imported(new Float32Array(512).fill(-8), convention);
		const preset = join(home, 'mine.json');
		await writeFile(preset, JSON.stringify({ name: 'mine', description: '', model: folder }));
		const files = ['dark.png', 'light.png', 'mask.png', 'warped.png'].map((name) => join(home, name));
		const [source = '', target = '', targetMask = '', output = ''] = files;
		await writeImage(source, grey(64, 64, 0));
		await writeImage(target, grey(64, 64, 255));
		// The object of the target is its left half.
		const halves = grey(64, 64, 0);
		await writeImage(targetMask, { ...halves, data: halves.data.map((_, i) => ((i / 3) % 64 < 32 ? 1 : 0)) });
		const common = { preset, device: 'cpu' } as const;
		await warpPair({ ...common, source, target, targetMask, output, mode: 'smooth' });
		const { data, info } = await sharp(output).raw().toBuffer({ resolveWithObject: true });
		const alpha = [20, 40].map((x) => data[(50 * info.width + x) * info.channels + 3]);
		expect([info.channels, ...alpha]).toEqual([4, 255, 0]);

		const list = join(home, 'pairs.json');
		const [source_path, target_path] = ['dark.png', 'light.png'];
		// Asked with the images exchanged, the network says that content has moved by a quarter of 64 pixels.
		const points = { source_points: [[20, 10]], target_points: [[36, 26]] };
		await writeFile(list, JSON.stringify([{ source_path, target_path, ...points }]));
		const job = { ...common, dataset: 'spair', root: home, pairs: list, mode: 'smooth' } as const;
		const [own, place] = await evaluateKeypointPairs({ ...job, baselines: ['place'] });
		expect([own?.image.perPoint, place?.image.perPoint]).toEqual([1, 0]);
		await expect(evaluateKeypointPairs({ ...job, baselines: ['raw'] })).rejects.toThrow(
			/has no raw features; compare it with --baselines classical,place/,
		);
	});

	it('has no features, and says so', async () => {
		const convention = { grid: 'source', values: 'position', units: 'cells' } as const;
		const { folder } = await imported(
			places((i) => i),
			convention,
		);
		await expect(findModel(folder)).rejects.toThrow(/matches two images by itself and has no features/);
	});
});
