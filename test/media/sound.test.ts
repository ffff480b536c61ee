import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openClip } from '../../src/media/clip.js';
import { davisPalette } from '../../src/media/davis-palette.js';
import type { Position } from '../../src/media/position.js';
import { openSink } from '../../src/output/encode.js';
import { resolveFormat } from '../../src/output/output-format.js';
import { ffmpeg, makeClip } from '../helpers/ffmpeg.js';
import { ffmpegs } from '../helpers/ffmpegs.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const patience = 300_000;

/** A white flash and a beep, both 40 ms long, at every full second. */
const flashes = "color=black:s=64x48:r=25:d=2.4,drawbox=c=white:t=fill:enable='lt(mod(t,1),0.039)'";
const beeps = "aevalsrc='if(lt(mod(t,1),0.04),sin(2*PI*1000*t),0)':s=48000:d=2.4";

const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '25', '-pix_fmt', 'yuv420p'];

/** Containers, codecs of the sound, and what begins first. */
const sources: readonly { readonly name: string; readonly args: readonly string[] }[] = [
	{ name: 'aac.mp4', args: [...h264, '-c:a', 'aac'] },
	{ name: 'pcm.mov', args: [...h264, '-c:a', 'pcm_s16le'] },
	{ name: 'alac.mov', args: [...h264, '-c:a', 'alac'] },
	{ name: 'opus.mkv', args: [...h264, '-c:a', 'libopus'] },
	{ name: 'mp3-8k.mkv', args: [...h264, '-c:a', 'libmp3lame', '-ar', '8000'] },
	{ name: 'vorbis.webm', args: ['-c:v', 'libvpx', '-deadline', 'realtime', '-c:a', 'libvorbis'] },
	{ name: 'pcm.avi', args: ['-c:v', 'mpeg4', '-c:a', 'pcm_s16le'] },
	{ name: 'aac.ts', args: [...h264, '-c:a', 'aac'] },
	{ name: 'sound-first.ts', args: ['-vf', 'trim=start=0.42', ...h264, '-c:a', 'aac'] },
	{ name: 'picture-first.ts', args: ['-af', 'atrim=start=0.42', ...h264, '-c:a', 'aac'] },
	{ name: 'sound-first.mpg', args: ['-vf', 'trim=start=0.42', '-c:v', 'mpeg2video', '-c:a', 'mp2'] },
	{ name: 'sound-first.mkv', args: ['-vf', 'trim=start=0.42', ...h264, '-c:a', 'aac'] },
	{ name: 'picture-first.mp4', args: ['-af', 'atrim=start=0.42', ...h264, '-c:a', 'aac'] },
];

const folder = mkdtempSync(join(tmpdir(), 'propagate-sound-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const made = new Map<string, Promise<string>>();
/** A source is made once. */
const makeSource = (name: string, args: readonly string[]): Promise<string> => {
	const source = made.get(name) ?? makeClip(join(folder, name), flashes, '-f', 'lavfi', '-i', beeps, ...args);
	made.set(name, source);
	return source;
};

/** Writes an overlay of a clip or a part of it. */
const overlayOf = async (
	source: string,
	{ program, start, end }: { program?: string | undefined; start?: Position; end?: Position } = {},
): Promise<{ path: string; frames: number; warnings: string[] }> => {
	const clip = await openClip(source, { ffmpeg: program });
	const path = join(temporaryFolder(), 'overlay.mp4');
	const warnings: string[] = [];
	const { width, height } = clip.info;
	const labels = { width, height, ids: new Uint8Array(width * height), palette: davisPalette };
	let sink: Awaited<ReturnType<typeof openSink>> | undefined;
	let frames = 0;
	for await (const frame of clip.frames({ start, end })) {
		sink ??= await openSink(await resolveFormat(path), {
			clip: clip.info,
			audioFrom: source,
			beginSeconds: start ? frame.timeSeconds : undefined,
			isExcerpt: start !== undefined || end !== undefined,
			ffmpeg: program,
			onNote: (sentence) => warnings.push(sentence),
		});
		await sink.write({ frame, labels });
		frames++;
	}
	await sink?.finish();
	return { path, frames, warnings };
};

/** Where a signal rises above half of its maximum, in seconds. */
const onsets = (levels: readonly number[], times: (at: number) => number, apart: number): number[] => {
	const threshold = levels.reduce((most, level) => Math.max(most, level), 0) / 2;
	const found: number[] = [];
	let last = Number.NEGATIVE_INFINITY;
	levels.forEach((level, at) => {
		if (level > threshold) {
			if (times(at) - last > apart) {
				found.push(times(at));
			}
			last = times(at);
		}
	});
	return found;
};

/** Milliseconds by which each beep comes after its flash. */
const delays = async (path: string): Promise<number[]> => {
	const clip = await openClip(path);
	const [times, levels]: [number[], number[]] = [[], []];
	for await (const frame of clip.frames()) {
		times.push(frame.timeSeconds);
		levels.push(frame.image.data[0] ?? 0);
	}
	const seen = onsets(levels, (at) => times[at] ?? 0, 0.3);
	const pcm = await ffmpeg(
		...['-i', path, '-map', '0:a:0', '-af', 'aresample=48000:async=1:first_pts=0', '-ac', '1'],
		...['-f', 's16le', '-'],
	);
	const samples = Array.from({ length: pcm.length >> 1 }, (_, at) => Math.abs(pcm.readInt16LE(at * 2)));
	const heard = onsets(samples, (at) => at / 48000, 0.3);
	return seen.flatMap((flash) => {
		const nearest = heard.reduce(
			(best, beep) => (Math.abs(beep - flash) < Math.abs(best - flash) ? beep : best),
			Number.POSITIVE_INFINITY,
		);
		return Math.abs(nearest - flash) < 0.5 ? [(nearest - flash) * 1000] : [];
	});
};

describe('sound stays with its picture', () => {
	test.each(sources)(
		'$name',
		async ({ name, args }) => {
			const source = await makeSource(name, args);
			const { path, warnings } = await overlayOf(source);
			expect(warnings).toEqual([]);
			const found = await delays(path);
			expect(found.length).toBeGreaterThanOrEqual(2);
			for (const delay of found) {
				// Half of a frame of AC-3 is 16 ms; people notice 45.
				expect(Math.abs(delay)).toBeLessThan(12);
			}
		},
		patience,
	);

	test.each(sources.filter(({ name }) => /^aac\.mp4|opus|sound-first\.ts/.test(name)))(
		'in an excerpt of $name, which is as long as its frames',
		async ({ name, args }) => {
			const source = await makeSource(name, args);
			const { path, frames } = await overlayOf(source, { start: { seconds: 0.8 }, end: { seconds: 2.2 } });
			const { info } = await openClip(path);
			expect(info.durationSeconds).toBeCloseTo(frames / 25, 1);
			const found = await delays(path);
			expect(found.length).toBeGreaterThanOrEqual(1);
			for (const delay of found) {
				expect(Math.abs(delay)).toBeLessThan(12);
			}
		},
		patience,
	);

	// The first is the one of the tests above.
	describe.each(ffmpegs.slice(1))('with ffmpeg $version', ({ path: program }) => {
		test.each(sources.filter(({ name }) => /sound-first\.(ts|mpg)|alac|8k/.test(name)))(
			'$name',
			async ({ name, args }) => {
				const { path, warnings } = await overlayOf(await makeSource(name, args), { program });
				expect(warnings).toEqual([]);
				const found = await delays(path);
				expect(found.length).toBeGreaterThanOrEqual(2);
				expect(Math.max(...found.map(Math.abs))).toBeLessThan(12);
			},
			patience,
		);
	});
});

describe('sound never costs the picture', () => {
	test(
		'sound that nobody can decode is left out, and that is said',
		async () => {
			const source = await makeSource('broken.mkv', [...h264, '-c:a', 'pcm_s16le']);
			const { readFile, writeFile } = await import('node:fs/promises');
			const bytes = await readFile(source);
			// The name of a codec that no ffmpeg has.
			bytes.write('A_XXX/XXX/XXX', bytes.indexOf('A_PCM/INT/LIT'), 'latin1');
			await writeFile(source, bytes);
			const { path, frames, warnings } = await overlayOf(source);
			expect(warnings).toEqual([expect.stringMatching(/has no sound/)]);
			const { info } = await openClip(path);
			expect(info.hasAudio).toBe(false);
			expect(info.estimatedFrames).toBe(frames);
		},
		patience,
	);

	test(
		'chapters of the source are not referred to',
		async () => {
			const { writeFile } = await import('node:fs/promises');
			const plain = await makeSource('plain.mp4', [...h264, '-c:a', 'aac']);
			await writeFile(
				`${plain}.txt`,
				';FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=300\ntitle=one\n',
			);
			const source = `${plain}-chapters.mp4`;
			await ffmpeg(
				'-i',
				plain,
				'-i',
				`${plain}.txt`,
				'-map_metadata',
				'1',
				'-map',
				'0',
				'-c',
				'copy',
				source,
			);
			const { path } = await overlayOf(source);
			const metadata = await ffmpeg('-i', path, '-f', 'ffmetadata', '-');
			expect(metadata.toString()).not.toContain('CHAPTER');
		},
		patience,
	);
});
