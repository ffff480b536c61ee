/**
 * PCK and flow accuracy of a model beside its baselines, as tables in Markdown: every set that is found below one folder.
 *
 *     npm run bench:pairs -- ../shared/data/pairs [--limit 40] [--mode smooth] [--model name]
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { baselineNames } from '../src/evaluation/baseline.js';
import { flowTable, keypointTable } from '../src/evaluation/pairs/score-tables.js';
import { evaluateFlowPairs, evaluateKeypointPairs } from '../src/jobs/evaluate-pairs.js';
import { findModel } from '../src/models/registry.js';
import { pointModes } from '../src/pairs/modes.js';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		limit: { type: 'string' },
		mode: { type: 'string', default: 'smooth' },
		model: { type: 'string' },
	},
});
const [root] = positionals;
const mode = pointModes.find((name) => name === values.mode);
if (root === undefined || mode === undefined) {
	throw new Error(
		`Give a folder that holds spair-val, pf-willow or tss, and a mode of ${pointModes.join(', ')}.`,
	);
}

const { manifest } = await findModel(values.model);
const checksum = manifest.files[manifest.graph]?.sha256.slice(0, 12);
console.log(`${manifest.name}, ${manifest.graph} ${checksum}, mode ${mode}\n`);
const job = {
	model: values.model,
	mode,
	baselines: baselineNames,
	limit: values.limit === undefined ? undefined : Number(values.limit),
	onPair: (done: number, total: number) => process.stderr.write(`\r${done}/${total} `),
};
for (const [folder, dataset] of [
	['spair-val', 'spair'],
	['pf-willow', 'pf-willow'],
] as const) {
	const place = join(root, folder);
	if (existsSync(place)) {
		console.log(
			`${folder}\n\n${keypointTable(await evaluateKeypointPairs({ ...job, dataset, root: place }))}\n`,
		);
	}
}
if (existsSync(join(root, 'tss'))) {
	console.log(flowTable(await evaluateFlowPairs({ ...job, root: join(root, 'tss') })));
}
