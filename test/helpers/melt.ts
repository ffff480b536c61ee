import { execFile, execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { ffmpeg } from './ffmpeg.js';

const run = promisify(execFile);

/** Use as `test.skipIf(!meltAvailable)('… (needs melt)')`; Debian: `melt` and `frei0r-plugins`. */
export const meltAvailable = ((): boolean => {
	try {
		const filters = execFileSync('melt', ['-query', 'transitions'], { stdio: ['ignore', 'pipe', 'ignore'] });
		return filters.includes('frei0r.cairoblend');
	} catch {
		return false;
	}
})();

/**
 * Renders a project with MLT's own player and returns its frames as RGB. It sometimes hangs, or ends without an error
 * and without a picture, so it is tried again, and only a result with all frames counts.
 */
export const renderWithMelt = async (
	project: string,
	{ width, height, frames }: { width: number; height: number; frames: number },
): Promise<Buffer> => {
	const output = `${project}.render.mkv`;
	let problem: unknown;
	for (let attempt = 0; attempt < 4; attempt++) {
		rmSync(output, { force: true });
		try {
			await run(
				'melt',
				[
					...['-silent', project, '-consumer', `avformat:${output}`, 'vcodec=ffv1', 'pix_fmt=gbrp', 'an=1'],
					...['real_time=0', 'mlt_image_format=rgba'],
				],
				{ timeout: 60_000, killSignal: 'SIGKILL' },
			);
			const pixels = await ffmpeg('-i', output, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-');
			if (pixels.length === width * height * 3 * frames) {
				return pixels;
			}
			problem = new Error(`melt rendered ${pixels.length / (width * height * 3)} frames, not ${frames}.`);
		} catch (error) {
			problem = error;
		}
	}
	throw problem;
};
