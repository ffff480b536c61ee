/**
 * The parts of a run that write, without a model: a folder of frames with its notes, a file that grows, and a cache. It takes a tenth of the
 * time of a whole run, so it can be killed ten times as often. Goes on where an earlier one stopped.
 *
 *     node bench/durability/writer.mjs <folder> <frames>
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FrameFolder, frameFileName } from '../../dist/output/frame-folder.js';
import { GrowingFile } from '../../dist/output/growing-file.js';
import { RunNotes } from '../../dist/output/run-notes.js';
import { makePrivateFolder, unsealed, writeCacheFile } from '../../dist/store/cache-file.js';

const [folder = '', frames = '0'] = process.argv.slice(2);

/** Always the same bytes for a number. */
const contentOf = (index) => {
	const bytes = new Uint8Array(2000 + ((index * 7919) % 20_000));
	let state = index + 1;
	for (let at = 0; at < bytes.length; at++) {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		bytes[at] = state >>> 24;
	}
	return bytes;
};

const identity = Object.fromEntries(
	['program', 'clip', 'range', 'masks', 'edit', 'model', 'settings', 'device', 'ffmpeg'].map((fact) => [
		fact,
		'',
	]),
);
const results = join(folder, 'results');
const cache = join(folder, 'home', 'cache');
await mkdir(folder, { recursive: true });
await makePrivateFolder(cache);

const masks = join(results, 'masks');
const list = join(results, 'list.json');
const notes = await RunNotes.open(masks, identity, true);
const isListed = (await notes.stateOf(list)) === 'complete';
const sink = await FrameFolder.open(masks, 'resume', notes);
const growing = isListed ? undefined : await GrowingFile.open(list, 'resume');
await notes.begin(isListed ? [] : [list]);
for (let index = 0; index < Number(frames); index++) {
	const name = frameFileName(index);
	const entry = join(cache, `${index}.bin`);
	const content = contentOf(index);
	const found = await readFile(entry).catch(() => undefined);
	const known = found && unsealed(entry, found);
	if (known !== undefined && !Buffer.from(known).equals(Buffer.from(content))) {
		throw new Error(`The cache gave wrong contents for frame ${index}.`);
	}
	if (known === undefined) {
		await writeCacheFile(entry, content);
	}
	await growing?.append(`${name}\n`);
	if (!sink.keeps(name)) {
		await sink.write(name, content);
	}
}
await sink.finish();
await notes.finish(growing === undefined ? [] : [{ path: list, files: [await growing.finish()] }]);
