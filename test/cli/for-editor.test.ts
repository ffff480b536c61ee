import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ffprobeAvailable, ffprobeStreams } from '../helpers/ffmpeg.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const propagate = (...args: string[]) => run(process.execPath, [join(root, 'dist/cli/main.js'), ...args]);
const bear = join(root, 'samples/bear');

describe.skipIf(!ffprobeAvailable)('propagate --for <program> (needs ffprobe)', () => {
	it("writes the program's format under its name into the folder, and says how to open it", async () => {
		const folder = join(temporaryFolder(), 'out');
		mkdirSync(folder);
		const input = [join(bear, 'clip.mp4'), '--mask', join(bear, 'first.png'), '--end', '2'];
		const { stderr } = await propagate(...input, '--for', 'resolve', '-o', folder);
		expect(readdirSync(folder)).toEqual(['clip-alpha.mov']);
		const [video] = await ffprobeStreams(join(folder, 'clip-alpha.mov'));
		expect(video?.codec_name).toBe('prores');
		expect(stderr).toMatch(/DaVinci Resolve: Put the file on the track above the clip/);
	}, 240_000);

	it('refuses a program that it does not know, and a format beside the program', async () => {
		const input = [join(bear, 'clip.mp4'), '--mask', join(bear, 'first.png')];
		await expect(propagate(...input, '--for', 'photoshop')).rejects.toMatchObject({
			code: 2,
			stderr: expect.stringMatching(/no editor preset "photoshop"; there are after-effects, blender/),
		});
		await expect(propagate(...input, '--for', 'obs', '--format', 'png')).rejects.toMatchObject({ code: 2 });
	});
});
