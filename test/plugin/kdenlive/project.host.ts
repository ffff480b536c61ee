import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ffmpeg } from '../../helpers/ffmpeg.js';
import { temporaryFolder } from '../../helpers/temporary-folder.js';
import { compareComposite, decodedFrame, height, objectPixels, smallBear, width } from '../bear.js';
import { installed } from '../installed.js';
import { melt } from './melt.js';

const run = promisify(execFile);
const cli = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const propagate = (...args: string[]) => run(process.execPath, [cli, ...args]);
const blue = [0, 0, 255] as const;

describe.skipIf(!installed('melt', 'ffprobe'))('Kdenlive project (needs melt and ffprobe)', () => {
	it('renders the propagated object over the track below, where the object truly is', async () => {
		const folder = temporaryFolder();
		const frames = 16;
		const { clip, mask, truth } = await smallBear(folder, frames);
		const cutOut = join(folder, 'bear-alpha.mkv');
		await propagate(clip, '--mask', mask, '--for', 'kdenlive', '-o', folder, '--quiet');
		expect(existsSync(cutOut)).toBe(true);

		// Over a blue clip, to see what is the object and what the track below.
		const below = join(folder, 'a & b <blue>.mp4');
		const source = `color=c=0x0000ff:s=${width}x${height}:r=24:d=${frames / 24}`;
		await ffmpeg('-f', 'lavfi', '-i', source, '-c:v', 'libx264', '-crf', '1', '-pix_fmt', 'yuv420p', below);
		const project = join(folder, 'bear.kdenlive');
		await propagate('kdenlive', 'project', below, cutOut, '-o', project);
		const rendered = join(folder, 'rendered.mkv');
		await melt(project, rendered, frames);

		for (const index of [0, 8, frames - 1]) {
			const object = await objectPixels(join(truth, `${String(index).padStart(5, '0')}.png`));
			const picture = await decodedFrame(rendered, index);
			const difference = compareComposite(picture, await decodedFrame(clip, index), object, blue);
			expect(difference.inside, `inside, frame ${index}`).toBeLessThan(8);
			expect(difference.outside, `outside, frame ${index}`).toBeLessThan(4);
		}
	});

	it('refuses a cut-out that belongs to another clip', async () => {
		const folder = temporaryFolder();
		const { clip } = await smallBear(folder, 4);
		const [other, longer] = [join(folder, 'other.mkv'), join(folder, 'longer.mkv')];
		await ffmpeg('-f', 'lavfi', '-i', 'color=s=64x48:r=24:d=0.25', '-c:v', 'ffv1', other);
		await ffmpeg('-f', 'lavfi', '-i', `color=s=${width}x${height}:r=24:d=1`, '-c:v', 'ffv1', longer);
		const project = join(folder, 'bear.kdenlive');
		for (const [cutOut, message] of [
			[other, /64x48 pixels, the clip 320x180; give the cut-out of this clip/],
			[longer, /24 frames, the clip 4; give the cut-out of the whole clip/],
		] as const) {
			await expect(propagate('kdenlive', 'project', clip, cutOut, '-o', project)).rejects.toMatchObject({
				code: 2,
				stderr: expect.stringMatching(message),
			});
		}
		expect(existsSync(project)).toBe(false);
	});
});
