import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { ffprobeStreams } from '../../helpers/ffmpeg.js';

const run = promisify(execFile);

/** melt at times writes nothing or hangs on a project that it renders well the next time; why is not known. */
const TRIES = 4;

/** Renders an MLT or Kdenlive project to lossless RGB, all of its frames. */
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
			const [video] = await ffprobeStreams(output, '-count_frames');
			if (Number(video?.nb_read_frames) === frames) {
				return;
			}
			failure = new Error(`melt wrote ${video?.nb_read_frames} frames instead of ${frames}`);
		} catch (error) {
			failure = error;
		}
	}
	throw failure;
};
