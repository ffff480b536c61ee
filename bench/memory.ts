/**
 * Peak memory of the program on the first 200 and on the first 2,000 frames of a long clip: it must not grow. Linux only.
 *
 *     npm run bench:memory -- ../shared/data/clips/long_180p_av1.mp4 [--frames 200,2000]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openClip } from '../src/media/clip.js';
import { davisPalette } from '../src/media/davis-palette.js';
import { writeIndexedPng } from '../src/media/indexed-png.js';
import { runProgram } from './speed/run-program.js';
import { head, row } from './table.js';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: { frames: { type: 'string', default: '200,2000' } },
});
const [clip] = positionals;
if (clip === undefined) {
	throw new Error('Give a long clip.');
}

const scratch = await mkdtemp(join(tmpdir(), 'bench-'));
try {
	// What the object is does not matter for memory: an ellipse in the middle.
	const { width, height } = (await openClip(clip)).info;
	const ids = Uint8Array.from({ length: width * height }, (_, at) => {
		const x = ((at % width) + 0.5) / width - 0.5;
		const y = (Math.floor(at / width) + 0.5) / height - 0.5;
		return Math.hypot(x, y) < 0.25 ? 1 : 0;
	});
	const mask = join(scratch, 'mask.png');
	await writeIndexedPng(mask, { width, height, ids, palette: davisPalette });

	console.log(head('frames', 'peak memory', 'against the first'));
	let first: number | undefined;
	for (const frames of values.frames.split(',')) {
		const { peakMegabytes } = await runProgram(clip, mask, ['--end', frames]);
		first ??= peakMegabytes;
		console.log(row(frames, `${peakMegabytes.toFixed(0)} MB`, (peakMegabytes / first).toFixed(3)));
	}
} finally {
	await rm(scratch, { recursive: true });
}
