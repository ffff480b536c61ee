/**
 * What a search among candidates finds of what the exact search finds, on frames of a clip, as a table in Markdown.
 *
 *     npm run build && tsx bench/candidates.ts <folder of frames or clip> [--queries 5 --model name]
 */
import { parseArgs } from 'node:util';
import type { DescriptorMap } from '../src/core/descriptor-map.js';
import { openEngine } from '../src/jobs/open-engine.js';
import { BlockMatcher } from '../src/matching/block-matcher.js';
import { openClip } from '../src/media/clip.js';
import { loadPreset } from '../src/presets/preset.js';
import { head, median, row } from './table.js';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: { queries: { type: 'string', default: '5' }, model: { type: 'string' } },
});
const [path] = positionals;
if (path === undefined) {
	throw new Error('Give a clip, or a folder of frames.');
}
const { precision, propagation } = await loadPreset();
const { recentFrames, topK } = propagation;
const radius = propagation.radius ?? Number.POSITIVE_INFINITY;
const engine = await openEngine(values.model, { device: 'cpu', threads: 1, precision });

/** Frames that lie apart, each with those before it. */
const queries = Array.from({ length: Number(values.queries) }, (_, i) => recentFrames * (i + 1));
const maps: DescriptorMap[] = [];
for await (const { image } of (await openClip(path)).frames()) {
	maps.push(await engine.extractor.extract(image));
	if (maps.length > Math.max(...queries)) {
		break;
	}
}
await engine.close();

/** Best matches of all queries, and the CPU milliseconds that each took. */
const search = (candidates: number | undefined) => {
	const milliseconds: number[] = [];
	const found = queries.map((query) => {
		const [first] = maps;
		if (first === undefined || maps[query] === undefined) {
			throw new Error(`The clip is too short: a query is frame ${query}.`);
		}
		const matcher = new BlockMatcher(first, first.channels, { k: topK, candidates });
		const stored = maps.slice(query - recentFrames, query + 1).map((map) => matcher.store(map));
		const frames = stored.slice(0, -1).map((descriptors) => ({ descriptors, radius }));
		const used = process.cpuUsage();
		const matches = matcher.match(stored.at(-1) as (typeof stored)[number], frames);
		const { user, system } = process.cpuUsage(used);
		milliseconds.push((user + system) / 1000);
		return matches;
	});
	return { found, milliseconds: median(milliseconds) };
};

search(16); // The engine compiles while it runs for the first time.
const exact = search(undefined);
console.log(
	`${queries.length} frames, ${recentFrames} remembered ones each, radius ${radius} cells, all of them searched as if no class were certain\n`,
);
console.log(head('candidates', 'same best match, %', 'best similarity lost on average', 'CPU ms'));
console.log(row('all (exact)', '100', '0', exact.milliseconds.toFixed(0)));
for (const candidates of [32, 16, 8]) {
	const { found, milliseconds } = search(candidates);
	let [same, lost, cells] = [0, 0, 0];
	for (const [q, { owners, indices, similarities }] of found.entries()) {
		const best = exact.found[q]!;
		for (let at = 0; at < owners.length; at += topK) {
			same += owners[at] === best.owners[at] && indices[at] === best.indices[at] ? 1 : 0;
			lost += best.similarities[at]! - similarities[at]!;
			cells++;
		}
	}
	console.log(
		row(
			String(candidates),
			((100 * same) / cells).toFixed(1),
			(lost / cells).toFixed(4),
			milliseconds.toFixed(1),
		),
	);
}
