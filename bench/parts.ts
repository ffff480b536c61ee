/**
 * What each part of the mask tracker is worth: J&F on a DAVIS folder and CPU time a frame of the diffusion UNet's hyperfeatures alone, with
 * the recognition encoder's taps beside them, with the mask decoder, and with the decoder as another training left it.
 *
 *     npm run bench:parts -- ../shared/data/davis-train [--sequences bear,boat] [--other MODEL]
 *
 * `--other` names a model folder whose `tracker` is another one, such as the one before it saw real clips. Results are appended to `--store`
 * (a file), so that a run that was stopped goes on.
 */
import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { listDavisSequences } from '../src/evaluation/davis-dataset.js';
import { mean } from '../src/evaluation/statistics.js';
import { evaluateDavisModel } from '../src/jobs/evaluate-davis-model.js';
import { readTrackerFolder } from '../src/models/model-folder.js';
import { findModel } from '../src/models/registry.js';
import { head, row } from './table.js';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: { sequences: { type: 'string' }, other: { type: 'string' }, store: { type: 'string' } },
});
const [root] = positionals;
if (root === undefined) {
	throw new Error('Give a folder in DAVIS layout.');
}

type Score = {
	/** Which files were measured. */
	readonly files: string;
	readonly part: string;
	readonly sequence: string;
	readonly j: number;
	readonly f: number;
	readonly cpuSeconds: number;
};
type Part = { readonly name: string; readonly preset?: string; readonly model?: string };

const decoderOff = fileURLToPath(new URL('decoder-off.json', import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), 'propagate-parts-'));
const diffusionOnly = join(scratch, 'diffusion.json');
const { folder, manifest } = await findModel();
const { manifest: tracker } = await readTrackerFolder(join(folder, 'tracker'));
const files = createHash('sha256')
	.update(JSON.stringify([manifest.files, tracker.files]))
	.digest('hex')
	.slice(0, 16);
const layers = manifest.taps.flatMap(({ name }, layer) =>
	name.startsWith('recognition.') ? [] : [layer + 1],
);
const preset = JSON.parse(await readFile(decoderOff, 'utf8')) as object;
await writeFile(diffusionOnly, JSON.stringify({ ...preset, precision: 'full', features: { layers } }));

const parts: readonly Part[] = [
	{ name: 'hyperfeatures of the diffusion UNet', preset: diffusionOnly },
	{ name: '+ recognition taps', preset: decoderOff },
	...(values.other === undefined ? [] : [{ name: `+ decoder (${values.other})`, model: values.other }]),
	{ name: '+ decoder', preset: 'default' },
];
const sequences = await listDavisSequences(root, values.sequences?.split(','));

const known: Score[] = (
	values.store === undefined ? '' : await readFile(values.store, 'utf8').catch(() => '')
)
	.split('\n')
	.filter((line) => line !== '')
	.map((line) => JSON.parse(line) as Score);

const measure = async ({ name, preset, model }: Part, sequence: string): Promise<Score> => {
	const began = process.cpuUsage();
	const { j, f } = await evaluateDavisModel({ root, preset, model, sequences: [sequence] });
	const { user, system } = process.cpuUsage(began);
	const score = { files, part: name, sequence, j: j.mean, f: f.mean, cpuSeconds: (user + system) / 1e6 };
	if (values.store !== undefined) {
		await appendFile(values.store, `${JSON.stringify(score)}\n`);
	}
	return score;
};

try {
	const percent = (value: number): string => (100 * value).toFixed(1);
	console.log(head('', 'J&F (J, F), mean', 'worst', 'CPU ms a frame'));
	for (const part of parts) {
		const scores: (Score & { readonly frames: number })[] = [];
		for (const { name, frames } of sequences) {
			const found = known.find(
				(score) => score.files === files && score.part === part.name && score.sequence === name,
			);
			const score = found ?? (await measure(part, name));
			scores.push({ ...score, frames });
			console.error(`${part.name}, ${name}: ${percent((score.j + score.f) / 2)}`);
		}
		const jAndF = scores.map(({ j, f }) => (j + f) / 2);
		const worst = scores[jAndF.indexOf(Math.min(...jAndF))];
		const frames = scores.reduce((sum, score) => sum + score.frames, 0);
		console.log(
			row(
				part.name,
				`${percent(mean(jAndF))} (${percent(mean(scores.map(({ j }) => j)))}, ${percent(mean(scores.map(({ f }) => f)))})`,
				`${percent(Math.min(...jAndF))} (${worst?.sequence})`,
				((1000 * scores.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)) / frames).toFixed(0),
			),
		);
	}
} finally {
	await rm(scratch, { recursive: true, force: true });
}
