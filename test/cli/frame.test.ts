import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { extractFrame } from '../../src/jobs/extract-frame.js';
import { openClip } from '../../src/media/clip.js';
import { readImage } from '../../src/media/image.js';
import { records, runCli, sample } from '../helpers/cli.js';
import { ffmpeg } from '../helpers/ffmpeg.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

vi.setConfig({ testTimeout: 120_000 });

/** The pixels of a frame as a run sees them. */
const frameOf = async (path: string, wanted: number) => {
	for await (const { index, image } of (await openClip(path)).frames()) {
		if (index === wanted) {
			return image;
		}
	}
	throw new Error('no such frame');
};

it('writes the frame that a run sees, and says its number', async () => {
	const clip = sample('birds/clip.mp4');
	const folder = temporaryFolder();
	const { stdout } = await runCli(['frame', clip, '--at', '7', '-o', 'seven.png', '--json'], { cwd: folder });
	expect(records(stdout)).toMatchObject([{ type: 'done', frame: 7, width: 640, height: 360 }]);
	const seventh = await frameOf(clip, 7);
	expect(Buffer.compare((await readImage(join(folder, 'seven.png'))).data, seventh.data)).toBe(0);

	const byTime = await extractFrame({ input: clip, at: '0.29s', output: join(folder, 'time.png') });
	// 24 frames a second: frame 7 is at 0.2917 s, the first that is not before 0.29 s.
	expect(byTime).toMatchObject({ frame: 7, timeSeconds: expect.closeTo(7 / 24, 4) });
	expect(Buffer.compare((await readImage(join(folder, 'time.png'))).data, seventh.data)).toBe(0);
});

it('squares pixels and turns, as masks must be', async () => {
	const folder = temporaryFolder();
	const plain = join(folder, 'plain.mp4');
	const turned = join(folder, 'turned.mp4');
	await ffmpeg('-f', 'lavfi', '-i', 'testsrc=s=64x48:d=0.2,setsar=2/1', '-pix_fmt', 'yuv420p', plain);
	await ffmpeg('-i', plain, '-c', 'copy', '-metadata:s:v', 'rotate=90', turned);
	for (const clip of [plain, turned]) {
		const { info } = await openClip(clip);
		const output = join(folder, 'frame.png');
		const { width, height } = await extractFrame({ input: clip, output, overwrite: true });
		expect([width, height]).toEqual([info.width, info.height]);
		const image = await readImage(output);
		expect([image.width, image.height]).toEqual([info.width, info.height]);
	}
	expect((await openClip(plain)).info).toMatchObject({ width: 128, height: 48 });
});

it('calls numbered pictures by their numbers', async () => {
	const folder = temporaryFolder();
	for (const number of [1001, 1002, 1004]) {
		copyFileSync(sample('birds/first.png'), join(folder, `shot.${number}.png`));
	}
	const output = join(temporaryFolder(), 'frame.png');
	const job = { input: folder, output, overwrite: true };
	expect(await extractFrame({ ...job, at: '1004' })).toMatchObject({ frame: 1004, timeSeconds: 0.08 });
	expect(await extractFrame({ ...job, at: '0.03s' })).toMatchObject({ frame: 1002 });
	expect(await extractFrame(job)).toMatchObject({ frame: 1001 });
	await expect(extractFrame({ ...job, at: '1003' })).rejects.toThrow(
		/has no frame 1003: its frames are 1001 to 1004/,
	);
});

it('refuses in a sentence', async () => {
	const clip = sample('birds/clip.mp4');
	const folder = temporaryFolder();
	const output = join(folder, 'a.png');
	await expect(extractFrame({ input: clip, at: '900', output })).rejects.toThrow(
		/ends before 900: it takes 1\.50 s; give an earlier place with --at/,
	);
	await expect(extractFrame({ input: clip, at: '900s', output })).rejects.toThrow(/ends before 900s/);
	await expect(extractFrame({ input: clip, at: 'noon', output })).rejects.toThrow(/not a place in a clip/);
	await expect(extractFrame({ input: clip, output: join(folder, 'a.gif') })).rejects.toThrow(
		/name for an image/,
	);
	copyFileSync(sample('birds/first.png'), join(folder, '0.png'));
	await expect(extractFrame({ input: folder, output: join(folder, '0.png') })).rejects.toThrow(/--overwrite/);
	await expect(
		extractFrame({ input: folder, output: join(folder, '0.png'), overwrite: true }),
	).rejects.toThrow(/is an input/);
});
