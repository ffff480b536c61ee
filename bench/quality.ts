/**
 * J&F of the bundled model and of two baselines on one DAVIS folder, in one run, as a table in Markdown.
 *
 *     npm run bench:quality -- ../shared/data/davis-train [--sequences bear,boat] [--methods model,classical,dis]
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { classicalExtractor } from '../src/baselines/classical-descriptors.js';
import { type CarriedMask, type DavisScore, evaluateDavis } from '../src/evaluation/evaluate-davis.js';
import type { DescriptorExtractor } from '../src/hyperfeatures/extractor.js';
import { openExtractor } from '../src/hyperfeatures/open-extractor.js';
import { openClip } from '../src/media/clip.js';
import { readLabelMap } from '../src/media/label-map.js';
import { findModel } from '../src/models/registry.js';
import { loadPreset } from '../src/presets/load-preset.js';
import { propagateMasks } from '../src/propagation/propagate-masks.js';
import { openRuntime } from '../src/runtime/onnx-runtime.js';
import type { Runtime } from '../src/runtime/session.js';

type Method = (root: string, sequences: readonly string[] | undefined) => Promise<DavisScore>;

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		sequences: { type: 'string' },
		methods: { type: 'string', default: 'model,classical,dis' },
		preset: { type: 'string', default: 'default' },
		model: { type: 'string' },
	},
});
const [root] = positionals;
if (root === undefined) {
	throw new Error('Give a folder in DAVIS layout.');
}

/** Window for descriptors that are not distinctive enough to do without: the baseline gets the settings that suit it. */
const windowedPreset = fileURLToPath(new URL('windowed.json', import.meta.url));

/** The engine's own propagation, on whatever descriptors. */
const propagated =
	(open: (runtime: Runtime) => Promise<DescriptorExtractor>, preset: string): Method =>
	async (davis, sequences) => {
		const { propagation: settings } = await loadPreset(preset);
		const runtime = openRuntime({ device: 'cpu' });
		const extractor = await open(runtime);
		try {
			return await evaluateDavis({
				root: davis,
				sequences,
				async *propagate({ framesFolder }, mask) {
					const frames = (await openClip(framesFolder)).frames();
					for await (const masked of propagateMasks({ frames, mask, extractor, runtime, settings })) {
						yield { index: masked.frame.index, ids: masked.mask.ids };
					}
				},
				onSequence: ({ name, jAndF }) => console.error(`  ${name} ${(100 * jAndF).toFixed(1)}`),
			});
		} finally {
			await extractor.close();
			await runtime.close();
		}
	};

/** `dis_flow.py` writes masks into a folder, which are then read back; its own clock gives the time. */
const disFlow: Method = async (davis, sequences) => {
	const out = await mkdtemp(join(tmpdir(), 'dis-'));
	try {
		const script = fileURLToPath(new URL('dis_flow.py', import.meta.url));
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

const methods: Record<string, { readonly title: string; readonly run: Method }> = {
	model: {
		title: `${values.model ?? 'bundled model'}, preset ${values.preset}`,
		run: propagated(async (runtime) => {
			const { precision } = await loadPreset(values.preset);
			return openExtractor(await findModel(values.model), runtime, { precision });
		}, values.preset),
	},
	classical: {
		title: 'classical descriptors, windowed',
		run: propagated(async () => classicalExtractor(), windowedPreset),
	},
	dis: { title: 'DIS optical flow', run: disFlow },
};

const results: { readonly title: string; readonly score: DavisScore }[] = [];
for (const name of values.methods.split(',')) {
	const method = methods[name];
	if (method === undefined) {
		throw new Error(`There is no method "${name}"; there are ${Object.keys(methods).join(', ')}.`);
	}
	console.error(method.title);
	results.push({ title: method.title, score: await method.run(root, values.sequences?.split(',')) });
}

const percent = (share: number): string => (100 * share).toFixed(1);
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const names = results[0]?.score.sequences.map(({ name }) => name) ?? [];
console.log(row(['J&F (J, F)', ...results.map(({ title }) => title)]));
console.log(row(['---', ...results.map(() => '---:')]));
for (const [index, name] of [...names, '**mean over objects**'].entries()) {
	const cells = results.map(({ score }) => {
		const { j, f, jAndF } = score.sequences[index] ?? score;
		return `${percent(jAndF)} (${percent(j.mean)}, ${percent(f.mean)})`;
	});
	console.log(row([name, ...cells]));
}
console.log(row(['frames a second', ...results.map(({ score }) => score.framesPerSecond.toFixed(1))]));
