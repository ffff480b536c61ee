/**
 * A step of an imported Stable Diffusion UNet beside the bare UNet: the export's own graph, run with onnxruntime directly on
 * the same inputs and threads, in turns. Wanted: a step costs at most 1.05 times the bare UNet.
 *
 *     npm run bench:sd [-- --turns 10 --threads 1 --width 160 --side 48]
 *
 * Measured are the reduced model of the numerical reference (where ../shared is there), whose calls are so short that what
 * surrounds them counts, and a UNet of Stable Diffusion 1.5's architecture with random weights: `--width` channels on its first
 * level (the real one has 320), `--side` latents. The default needs 2 GB of memory and takes about a second a call.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pathInside } from '../../src/core/path-inside.js';
import { gaussianNoise } from '../../src/features/gaussian-noise.js';
import { readEmptyPrompt, runStep } from '../../src/features/step-network.js';
import { importModel } from '../../src/models/import/import-model.js';
import type { InstalledModel } from '../../src/models/model-folder.js';
import { openRuntime } from '../../src/runtime/onnx-runtime.js';
import type { Runtime } from '../../src/runtime/session.js';
import { type Float32Tensor, float32 } from '../../src/runtime/tensor.js';
import { sharedAvailable } from '../../test/helpers/shared.js';
import { importFixture, reference } from '../../test/helpers/stable-diffusion.js';
import { head, median, row, spread } from '../table.js';
import { writeRandomExport } from './random-unet.js';

// Read when the library is loaded, hence before its import.
process.env.ORT_DISABLE_TELEMETRY = '1';
const { InferenceSession, Tensor } = await import('onnxruntime-node');

const { values } = parseArgs({
	options: {
		turns: { type: 'string', default: '10' },
		threads: { type: 'string', default: '1' },
		width: { type: 'string', default: '160' },
		side: { type: 'string', default: '48' },
	},
});
const turns = Number(values.turns);
const threads = Number(values.threads);
/** A timestep in the middle of the schedule. */
const TIMESTEP = 500;

type Inputs = { readonly sample: Float32Tensor; readonly prompt: Float32Tensor };
type Cost = { readonly cpu: number; readonly passed: number };

const measure = async (work: () => Promise<unknown>): Promise<Cost> => {
	const used = process.cpuUsage();
	const start = performance.now();
	await work();
	const passed = performance.now() - start;
	const { user, system } = process.cpuUsage(used);
	return { passed, cpu: (user + system) / 1000 };
};

/** The export's graph as anyone would run it; returns its prediction. */
const openBareUnet = async (
	graph: string,
	{ sample, prompt }: Inputs,
): Promise<{ run(): Promise<Float32Array>; close(): Promise<void> }> => {
	const session = await InferenceSession.create(graph, {
		executionProviders: ['cpu'],
		graphOptimizationLevel: 'all',
		intraOpNumThreads: threads,
		logSeverityLevel: 4,
	});
	const timestep = session.inputMetadata.find(({ name }) => name === 'timestep');
	if (timestep === undefined || !timestep.isTensor) {
		throw new Error(`The graph "${graph}" has no timestep.`);
	}
	const dims = timestep.shape.map(() => 1);
	const feeds = {
		sample: new Tensor('float32', sample.data, sample.dims),
		timestep:
			timestep.type === 'int64'
				? new Tensor('int64', BigInt64Array.of(BigInt(TIMESTEP)), dims)
				: new Tensor('float32', Float32Array.of(TIMESTEP), dims),
		encoder_hidden_states: new Tensor('float32', prompt.data, prompt.dims),
	};
	return {
		run: async () => {
			const results = await session.run(feeds);
			return Object.values(results)[0]?.data as Float32Array;
		},
		close: () => session.release(),
	};
};

/** Prints a row for the step alone and one for a step that is saved: with the aggregation network. */
const compare = async (
	title: string,
	model: InstalledModel,
	unet: string,
	runtime: Runtime,
): Promise<void> => {
	const { manifest } = model;
	const prompt = await readEmptyPrompt(model);
	if (manifest.space.kind !== 'latent' || manifest.image.resize.mode !== 'fixed' || prompt === undefined) {
		throw new Error('Only Stable Diffusion is compared.');
	}
	const { width, height } = manifest.image.resize;
	const dims = [1, 4, height / 8, width / 8];
	const sample = float32(gaussianNoise(4 * (height / 8) * (width / 8), 3), dims);
	const bare = await openBareUnet(unet, { sample, prompt });
	const session = await runtime.load(pathInside(model.folder, manifest.graph));
	const step = (layerWeights?: readonly number[]) =>
		runStep(session, manifest.taps.length, {
			...{ sample, t: TIMESTEP, embedding: prompt, layerWeights },
			noiseWanted: true,
		});
	const evenly = manifest.taps.map(() => 1 / manifest.taps.length);

	// The first calls warm up, and show that the same is computed.
	const expected = await bare.run();
	const { noise } = await step();
	await step(evenly);
	const difference = expected.reduce(
		(most, value, i) => Math.max(most, Math.abs(value - (noise?.[i] ?? Number.NaN))),
		0,
	);
	if (!(difference < 1e-3)) {
		throw new Error(`The step and the bare UNet differ by ${difference}.`);
	}

	const found = { bare: [] as Cost[], step: [] as Cost[], saved: [] as Cost[] };
	const works = { bare: bare.run, step: () => step(), saved: () => step(evenly) };
	for (let turn = 0; turn < turns; turn++) {
		// Backwards every other time, so that what drifts favours nobody.
		const names = ['bare', 'step', 'saved'] as const;
		for (const name of turn % 2 === 0 ? names : names.toReversed()) {
			found[name].push(await measure(works[name]));
		}
	}
	const ratios = (costs: readonly Cost[], of: (cost: Cost) => number): string => {
		const each = costs.map((cost, turn) => of(cost) / of(found.bare[turn] ?? cost));
		return `${median(each).toFixed(3)} (${spread(each)})`;
	};
	const cpu = ({ cpu }: Cost): number => cpu;
	const passed = ({ passed }: Cost): number => passed;
	for (const [name, costs] of [
		['bare UNet', found.bare],
		['a step', found.step],
		['a saved step: with the aggregation network', found.saved],
	] as const) {
		const times = costs.map(cpu);
		console.log(
			row(
				`${title}: ${name}`,
				`${median(times).toFixed(1)} (${spread(times, 1)})`,
				...(costs === found.bare ? ['1', '1'] : [ratios(costs, cpu), ratios(costs, passed)]),
			),
		);
	}
	await bare.close();
	await session.release();
};

const scratch = await mkdtemp(join(tmpdir(), 'bench-sd-'));
const runtime = openRuntime({ device: 'cpu', threads });
try {
	console.log(`${turns} turns, ${threads} thread(s); ratios are taken within a turn: median (spread)\n`);
	console.log(head('', 'CPU ms a call', 'CPU time against bare', 'passed time against bare'));
	const modelsFolder = join(scratch, 'models');
	if (sharedAvailable) {
		const { model } = await importFixture({ weights: 'inv50' }, modelsFolder, runtime);
		await compare('reduced model', model, reference('sd15', 'unet', 'model.onnx'), runtime);
	} else {
		console.log(row('reduced model', 'needs ../shared', '', ''));
	}
	const width = Number(values.width);
	const side = Number(values.side);
	const random = await writeRandomExport(scratch, side, width);
	const { model } = await importModel({
		exportFolder: random.folder,
		aggregation: random.aggregation,
		emptyPrompt: random.prompt,
		name: 'random',
		modelsFolder,
		runtime,
	});
	const title = `${(random.parameters / 1e6).toFixed(0)} M random parameters, ${side}×${side} latents`;
	await compare(title, model, join(random.folder, 'unet', 'model.onnx'), runtime);
} finally {
	await runtime.close();
	await rm(scratch, { recursive: true });
}
