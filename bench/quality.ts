/**
 * J&F and frames a second of the bundled model and of two baselines on one DAVIS folder, in one run, as a table in Markdown.
 *
 *     npm run bench:quality -- ../shared/data/davis-train [--sequences bear,boat] [--methods model,classical,dis]
 *     npm run bench:quality -- ../shared/data/davis-train --qualities fast,balanced,best
 *
 * `--qualities` compares the settings of `--quality` of the model instead; add `--methods` to have baselines beside them.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { qualities } from '../src/core/quality.js';
import { classicalExtractor } from '../src/evaluation/classical-descriptors.js';
import { type CarriedMask, type DavisScore, evaluateDavis } from '../src/evaluation/evaluate-davis.js';
import { type Engine, openEngine } from '../src/jobs/open-engine.js';
import { propagateMasks } from '../src/masks/labels/propagate-masks.js';
import type { PropagationSettings } from '../src/masks/labels/settings.js';
import { openClip } from '../src/media/clip.js';
import { readLabelMap } from '../src/media/label-map.js';
import { loadPreset, type Preset, withQuality } from '../src/presets/preset.js';
import { openRuntime } from '../src/runtime/onnx-runtime.js';
import { head, row } from './table.js';

/** CPU time without the scoring; unknown for what runs in another process. */
type Score = DavisScore & { readonly cpuSeconds?: number };
type Method = (root: string, sequences: readonly string[] | undefined) => Promise<Score>;

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		sequences: { type: 'string' },
		methods: { type: 'string' },
		qualities: { type: 'string' },
		preset: { type: 'string', default: 'default' },
		model: { type: 'string' },
	},
});
const [root] = positionals;
if (root === undefined) {
	throw new Error('Give a folder in DAVIS layout.');
}

/** Window for descriptors that are not distinctive enough to do without: the baseline gets the settings that suit it. */
const windowedPreset = fileURLToPath(new URL('quality/windowed.json', import.meta.url));

type Opened = Pick<Engine, 'runtime' | 'extractor' | 'close'>;

/** The engine's own propagation, on whatever descriptors. */
const propagated =
	(open: () => Promise<Opened>, settings: PropagationSettings): Method =>
	async (davis, sequences) => {
		const { runtime, extractor, close } = await open();
		let cpuSeconds = 0;
		try {
			const score = await evaluateDavis({
				root: davis,
				sequences,
				async *propagate({ framesFolder }, mask) {
					const used = process.cpuUsage();
					const frames = (await openClip(framesFolder)).frames();
					for await (const masked of propagateMasks({ frames, mask, extractor, runtime, settings })) {
						yield { index: masked.frame.index, ids: masked.mask.ids };
					}
					const { user, system } = process.cpuUsage(used);
					cpuSeconds += (user + system) / 1e6;
				},
				onSequence: ({ name, jAndF }) => console.error(`  ${name} ${(100 * jAndF).toFixed(1)}`),
			});
			return { ...score, cpuSeconds };
		} finally {
			await close();
		}
	};

/** The model with a preset's settings, as the program opens it. */
const modelMethod = ({ precision, features, propagation }: Preset): Method =>
	propagated(() => openEngine(values.model, { device: 'cpu', precision, features }), propagation);

/** `dis_flow.py` writes masks into a folder, which are then read back; its own clock gives the time. */
const disFlow: Method = async (davis, sequences) => {
	const out = await mkdtemp(join(tmpdir(), 'dis-'));
	try {
		const script = fileURLToPath(new URL('quality/dis_flow.py', import.meta.url));
		// Debian's python3-opencv belongs to Debian's own interpreter, which need not be the first on the path.
		const python = process.env.PYTHON ?? '/usr/bin/python3';
		const { stdout } = await promisify(execFile)(python, [script, davis, out, ...(sequences ?? [])]);
		const score = await evaluateDavis({
			root: davis,
			sequences,
			async *propagate({ name }): AsyncGenerator<CarriedMask> {
				for (const [index, file] of (await readdir(join(out, name))).sort().entries()) {
					yield { index, ids: (await readLabelMap(join(out, name, file))).ids };
				}
			},
		});
		const seconds = stdout
			.trim()
			.split('\n')
			.reduce((sum, line) => sum + (JSON.parse(line) as { seconds: number }).seconds, 0);
		return { ...score, seconds, framesPerSecond: score.frames / seconds };
	} finally {
		await rm(out, { recursive: true });
	}
};

type NamedMethod = { readonly title: string; readonly run: Method };

const preset = await loadPreset(values.preset);
const modelName = `${values.model ?? 'bundled model'}, preset ${values.preset}`;
const methods: Record<string, NamedMethod> = {
	model: { title: modelName, run: modelMethod(preset) },
	classical: {
		title: 'classical descriptors, windowed',
		run: propagated(
			async () => {
				const runtime = openRuntime({ device: 'cpu' });
				return { runtime, extractor: classicalExtractor(), close: () => runtime.close() };
			},
			(await loadPreset(windowedPreset)).propagation,
		),
	},
	dis: { title: 'DIS optical flow', run: disFlow },
};

const listed = (names: string): string[] => names.split(',').filter((name) => name !== '');
const qualityMethods = listed(values.qualities ?? '').map((name): NamedMethod => {
	const quality = qualities.find((each) => each === name);
	if (quality === undefined) {
		throw new Error(`There is no quality "${name}"; there are ${qualities.join(', ')}.`);
	}
	return { title: `${modelName}, \`${quality}\``, run: modelMethod(withQuality(preset, quality)) };
});
const everyMethod = values.qualities === undefined ? Object.keys(methods).join(',') : '';
const chosen = listed(values.methods ?? everyMethod).map((name) => {
	const method = methods[name];
	if (method === undefined) {
		throw new Error(`There is no method "${name}"; there are ${Object.keys(methods).join(', ')}.`);
	}
	return method;
});

const results: { readonly title: string; readonly score: Score }[] = [];
for (const { title, run } of [...qualityMethods, ...chosen]) {
	console.error(title);
	results.push({ title, score: await run(root, values.sequences?.split(',')) });
}

const percent = (share: number): string => (100 * share).toFixed(1);
const names = results[0]?.score.sequences.map(({ name }) => name) ?? [];
console.log(head('J&F (J, F)', ...results.map(({ title }) => title)));
for (const [index, name] of [...names, '**mean over objects**'].entries()) {
	const cells = results.map(({ score }) => {
		const { j, f, jAndF } = score.sequences[index] ?? score;
		return `${percent(jAndF)} (${percent(j.mean)}, ${percent(f.mean)})`;
	});
	console.log(row(name, ...cells));
}
console.log(row('frames a second', ...results.map(({ score }) => score.framesPerSecond.toFixed(1))));
const flow = results.find(({ title }) => title === methods.dis?.title)?.score;
if (flow !== undefined) {
	const ratios = results.map(({ score }) => (score.framesPerSecond / flow.framesPerSecond).toFixed(2));
	console.log(row(`speed against ${methods.dis?.title}`, ...ratios));
}
console.log(
	row(
		'CPU seconds a frame',
		...results.map(({ score: { cpuSeconds, frames } }) =>
			cpuSeconds === undefined ? '' : (cpuSeconds / frames).toFixed(3),
		),
	),
);
