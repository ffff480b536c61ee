/**
 * Peak memory of the program on the first 200 and on the first 2,000 frames of a long clip: it must not grow. Linux only.
 *
 *     npm run bench:memory -- ../shared/data/clips/long_180p_av1.mp4 [--frames 200,2000]
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openClip } from '../src/media/clip.js';
import { davisPalette } from '../src/media/davis-palette.js';
import { writeIndexedPng } from '../src/media/indexed-png.js';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: { frames: { type: 'string', default: '200,2000' } },
});
const [clip] = positionals;
if (clip === undefined) {
	throw new Error('Give a long clip.');
}

/** The kernel's own high-water mark; read often, because it is gone with the process. */
const residentPeakMegabytes = async (pid: number): Promise<number> => {
	const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
	return Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
};

const command = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

const peakOfRun = async (frames: number, mask: string, out: string): Promise<number> => {
	const options = [
		'--mask',
		mask,
		'-o',
		out,
		'--end',
		String(frames),
		'--device',
		'cpu',
		'--no-cache',
		'--quiet',
	];
	const child = spawn(process.execPath, [command, clip, ...options], { stdio: 'inherit' });
	let peak = 0;
	const timer = setInterval(async () => {
		peak = Math.max(peak, await residentPeakMegabytes(child.pid ?? 0));
	}, 100);
	const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
	clearInterval(timer);
	if (code !== 0) {
		throw new Error(`The run over ${frames} frames ended with code ${code}.`);
	}
	return peak;
};

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

	console.log('| frames | peak memory | against the first |');
	console.log('| ---: | ---: | ---: |');
	let first: number | undefined;
	for (const frames of values.frames.split(',').map(Number)) {
		const peak = await peakOfRun(frames, mask, join(scratch, String(frames)));
		first ??= peak;
		console.log(`| ${frames} | ${peak.toFixed(0)} MB | ${(peak / first).toFixed(3)} |`);
	}
} finally {
	await rm(scratch, { recursive: true });
}
