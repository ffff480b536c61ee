import { execFile, execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { ffmpeg } from './ffmpeg.js';

const run = promisify(execFile);

/** melt at times writes nothing or hangs on a project that it renders well the next time; why is not known. */
const TRIES = 4;

/** Use as `test.skipIf(!meltAvailable)('… (needs melt)')`; Debian: `melt` and `frei0r-plugins`. */
export const meltAvailable = ((): boolean => {
	try {
		const filters = execFileSync('melt', ['-query', 'transitions'], { stdio: ['ignore', 'pipe', 'ignore'] });
		return filters.includes('frei0r.cairoblend');
	} catch {
		return false;
	}
})();

/** Renders an MLT or Kdenlive project to lossless RGB with MLT's own player; only a result with all frames counts. */
export const melt = async (project: string, output: string, frames: number): Promise<void> => {
	let failure: unknown;
	for (let tries = 0; tries < TRIES; tries++) {
		rmSync(output, { force: true });
		try {
			await run(
				'melt',
				[
					...['-silent', project, '-consumer', `avformat:${output}`, 'vcodec=ffv1', 'pix_fmt=gbrp', 'an=1'],
					// Any other value drops frames, or hangs more often.
					...['real_time=0', 'mlt_image_format=rgba'],
				],
				{ timeout: 60_000, killSignal: 'SIGKILL' },
			);
			const written = await frameCount(output);
			if (written === frames) {
				return;
			}
			failure = new Error(`melt wrote ${written} frames instead of ${frames}`);
		} catch (error) {
			failure = error;
		}
	}
	throw failure;
};

/** As {@link melt}, and returns the frames as RGB. */
export const renderWithMelt = async (
	project: string,
	{ width, height, frames }: { width: number; height: number; frames: number },
): Promise<Buffer> => {
	const output = `${project}.render.mkv`;
	await melt(project, output, frames);
	const pixels = await ffmpeg('-i', output, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-');
	if (pixels.length !== width * height * 3 * frames) {
		throw new Error(`melt rendered frames of another size than ${width}×${height}.`);
	}
	return pixels;
};

/** Decoded frames, one line of hashes each; the bundled ffmpeg has no ffprobe beside it. */
const frameCount = async (path: string): Promise<number> => {
	const hashes = await ffmpeg('-i', path, '-map', '0:v', '-vsync', 'passthrough', '-f', 'framemd5', '-');
	return hashes
		.toString()
		.split('\n')
		.filter((line) => line !== '' && !line.startsWith('#')).length;
};
