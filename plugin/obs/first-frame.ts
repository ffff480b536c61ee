import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import installer from '@ffmpeg-installer/ffmpeg';
import { ObsError } from './obs-error.js';

const run = promisify(execFile);

/** The first frame of a video as PNG. */
export const firstFrame = async (video: string): Promise<Buffer> => {
	const ffmpeg = process.env.FFMPEG_PATH || installer.path;
	const { stdout } = await run(
		ffmpeg,
		[
			'-v',
			'error',
			'-nostdin',
			'-i',
			`file:${video}`,
			'-frames:v',
			'1',
			'-f',
			'image2pipe',
			'-c:v',
			'png',
			'-',
		],
		{ encoding: 'buffer', maxBuffer: 1 << 28 },
	).catch((cause: unknown) => {
		throw new ObsError(`"${video}" has no picture that can be decoded.`, { cause });
	});
	return stdout;
};
